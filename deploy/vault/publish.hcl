# Vault policy of the role "publish". Made from policies/grants.yaml; a test
# holds it to that file. Do not edit.

path "ark/index/decrypt/+" {
  capabilities = ["update"]
}

path "ark/index/keys/+" {
  capabilities = ["read"]
}

path "ark/payload/decrypt/+" {
  capabilities = ["update"]
}

path "ark/payload/keys/+" {
  capabilities = ["read"]
}

path "ark/project/datakey/plaintext/+" {
  capabilities = ["update"]
}

path "ark/project/decrypt/+" {
  capabilities = ["update"]
}

path "ark/project/hmac/+" {
  capabilities = ["update"]
}

path "ark/project/hmac/FINGER.*" {
  capabilities = ["update"]
}

path "ark/project/keys/+" {
  capabilities = ["create", "read", "update"]
}

path "ark/project/keys/+/rotate" {
  capabilities = ["create", "update"]
}

path "ark/pseudonym/hmac/+" {
  capabilities = ["update"]
}

path "ark/pseudonym/keys/+" {
  capabilities = ["create", "read", "update"]
}

path "ark/pseudonym/keys/+/rotate" {
  capabilities = ["create", "update"]
}

path "ark/sidecar/datakey/plaintext/+" {
  capabilities = ["update"]
}

path "ark/sidecar/decrypt/+" {
  capabilities = ["update"]
}

path "ark/sidecar/hmac/+" {
  capabilities = ["update"]
}

path "ark/sidecar/hmac/FINGER.*" {
  capabilities = ["update"]
}

path "ark/sidecar/keys/+" {
  capabilities = ["read"]
}

path "ark/signing/keys/+" {
  capabilities = ["read"]
}

path "ark/signing/sign/+" {
  capabilities = ["update"]
}

path "ark/versions/datakey/plaintext/+" {
  capabilities = ["update"]
}

path "ark/versions/decrypt/+" {
  capabilities = ["update"]
}

path "ark/versions/hmac/FINGER.*" {
  capabilities = ["update"]
}

path "ark/versions/keys/+" {
  capabilities = ["create", "read", "update"]
}

path "ark/versions/keys/+/rotate" {
  capabilities = ["create", "update"]
}
