// An OpenID provider for tests: npm's certified oidc-provider with one client,
// the portal under test, and a sign-in form that believes whatever user name it
// is given. Settings come as one JSON object in the environment variable
// ARK_PROVIDER; "ready" is printed once it listens.
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const s = JSON.parse(process.env.ARK_PROVIDER);

const provider = new Provider(s.issuer, {
  clients: [{
    client_id: 'portal',
    client_secret: s.secret,
    redirect_uris: [s.redirect],
    post_logout_redirect_uris: [s.signedOut],
    backchannel_logout_uri: s.backChannel,
    backchannel_logout_session_required: true,
    id_token_signed_response_alg: s.alg,
    token_endpoint_auth_method: s.authMethod,
    grant_types: ['authorization_code'],
    response_types: ['code'],
  }],
  jwks: { keys: s.keys },
  cookies: { keys: ['only for tests'] },
  enabledJWA: { idTokenSigningAlgValues: ['ES256', 'RS256', 'PS256', 'HS256'] },
  // Ark needs to hear how the user signed in, and when; here every ID token says so.
  claims: { openid: ['sub', 'amr', 'acr', 'auth_time'], profile: ['name'], email: ['email', 'email_verified'], sid: null },
  acrValues: ['two'],
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  // The portal under test is on this machine, which the provider's own guard
  // against requests into private networks would refuse.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: `Dr ${id}`, email: `${id}@example.org`, email_verified: true }),
  }),
  // Consent is given to the one client, ours.
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope('openid profile email');
    await grant.save();
    return grant;
  },
});

const body = async (req) => {
  let text = '';
  for await (const part of req) text += part;
  return new URLSearchParams(text);
};

const callback = provider.callback();
createServer(async (req, res) => {
  try {
    if (!req.url.startsWith('/interaction/')) return callback(req, res);
    if (req.method === 'GET') {
      res.setHeader('content-type', 'text/html');
      return res.end(`<form method="post" action="${req.url}"><input name="login"><input name="amr"></form>`);
    }
    const form = await body(req);
    await provider.interactionFinished(req, res, {
      login: { accountId: form.get('login'), amr: form.get('amr').split(' '), acr: 'two' },
    }, { mergeWithLastSubmission: false });
  } catch (err) {
    console.error(err);
    res.statusCode = 500;
    res.end('error');
  }
}).listen(s.port, '127.0.0.1', () => console.log('ready'));

// The test that started this holds its standard input: when it goes, so does this.
process.stdin.on('end', () => process.exit(0)).resume();
