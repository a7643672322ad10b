// Package gateway is the only way from a browser into a workspace: an HTTP
// handler for the hosts <workspace>.localhost (.ws.DOMAIN elsewhere), each an origin of its own.
//
// It lets in whom the portal authorises, asks again on every request and while
// a connection stays open, forwards only the routes an app needs, adds the
// headers that keep a hostile page to itself, and meters every byte towards
// the browser with a hard stop. It must never pass on a portal cookie, let an
// app set one outside its host, log what an app says, or open a route because
// nobody thought of it.
package gateway
