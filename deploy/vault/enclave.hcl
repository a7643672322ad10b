# Vault policy of the role "enclave". Made from policies/grants.yaml; a test
# holds it to that file. Do not edit.

path "ark/project/decrypt/+" {
  capabilities = ["update"]
}

path "ark/project/hmac/+" {
  capabilities = ["update"]
}

path "ark/project/keys/+" {
  capabilities = ["read"]
}
