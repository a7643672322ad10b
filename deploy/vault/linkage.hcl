# Vault policy of the role "linkage". Made from policies/grants.yaml; a test
# holds it to that file. Do not edit.

path "ark/identifiers/datakey/plaintext/+" {
  capabilities = ["update"]
}

path "ark/identifiers/decrypt/+" {
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

path "ark/index/decrypt/+" {
  capabilities = ["update"]
}

path "ark/index/hmac/FINGER.*" {
  capabilities = ["update"]
}

path "ark/index/keys/+" {
  capabilities = ["read"]
}

path "ark/lists/decrypt/+" {
  capabilities = ["update"]
}

path "ark/lists/keys/+" {
  capabilities = ["read"]
}

path "ark/persons/hmac/+" {
  capabilities = ["update"]
}

path "ark/persons/keys/+" {
  capabilities = ["read"]
}
