// Package page looks at documents: HTML, PDF, DOCX and PPTX.
//
// It judges bytes it is given and may touch nothing else. It must never render
// a page, run a script or fetch an address.
package page
