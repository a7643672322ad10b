# Vault policy of the role "airlock". Made from policies/grants.yaml; a test
# holds it to that file. Do not edit.

path "ark/contributors/datakey/plaintext/+" {
  capabilities = ["update"]
}

path "ark/contributors/decrypt/+" {
  capabilities = ["update"]
}

path "ark/contributors/hmac/+" {
  capabilities = ["update"]
}

path "ark/contributors/hmac/FINGER.*" {
  capabilities = ["update"]
}

path "ark/contributors/keys/+" {
  capabilities = ["read"]
}

path "ark/outputs/datakey/plaintext/+" {
  capabilities = ["update"]
}

path "ark/outputs/decrypt/+" {
  capabilities = ["update"]
}

path "ark/outputs/hmac/FINGER.*" {
  capabilities = ["update"]
}

path "ark/outputs/keys/+" {
  capabilities = ["read"]
}

path "ark/project/decrypt/+" {
  capabilities = ["update"]
}

path "ark/project/keys/+" {
  capabilities = ["read"]
}

path "ark/release/keys/+" {
  capabilities = ["read"]
}

path "ark/release/sign/+" {
  capabilities = ["update"]
}

path "ark/sidecar/decrypt/+" {
  capabilities = ["update"]
}

path "ark/sidecar/hmac/+" {
  capabilities = ["update"]
}

path "ark/sidecar/keys/+" {
  capabilities = ["read"]
}
