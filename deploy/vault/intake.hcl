# Vault policy of the role "intake". Made from policies/grants.yaml; a test
# holds it to that file. Do not edit.

path "ark/identifiers/datakey/plaintext/+" {
  capabilities = ["update"]
}

path "ark/identifiers/hmac/FINGER.*" {
  capabilities = ["update"]
}

path "ark/identifiers/keys/+" {
  capabilities = ["read"]
}

path "ark/index/datakey/plaintext/+" {
  capabilities = ["update"]
}

path "ark/index/hmac/FINGER.*" {
  capabilities = ["update"]
}

path "ark/index/keys/+" {
  capabilities = ["read"]
}

path "ark/landing/datakey/plaintext/+" {
  capabilities = ["update"]
}

path "ark/landing/decrypt/+" {
  capabilities = ["update"]
}

path "ark/landing/hmac/FINGER.*" {
  capabilities = ["update"]
}

path "ark/landing/keys/+" {
  capabilities = ["read"]
}

path "ark/payload/datakey/plaintext/+" {
  capabilities = ["update"]
}

path "ark/payload/hmac/FINGER.*" {
  capabilities = ["update"]
}

path "ark/payload/keys/+" {
  capabilities = ["read"]
}

path "ark/records/hmac/+" {
  capabilities = ["update"]
}

path "ark/records/keys/+" {
  capabilities = ["read"]
}
