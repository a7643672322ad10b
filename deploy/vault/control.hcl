# Vault policy of the role "control". Made from policies/grants.yaml; a test
# holds it to that file. Do not edit.

path "ark/bodies/hmac/+" {
  capabilities = ["update"]
}

path "ark/bodies/keys/+" {
  capabilities = ["read"]
}

path "ark/landing/datakey/plaintext/+" {
  capabilities = ["update"]
}

path "ark/landing/hmac/FINGER.*" {
  capabilities = ["update"]
}

path "ark/landing/keys/+" {
  capabilities = ["read"]
}

path "ark/ledger/keys/+" {
  capabilities = ["read"]
}

path "ark/ledger/sign/+" {
  capabilities = ["update"]
}

path "ark/lists/datakey/plaintext/+" {
  capabilities = ["update"]
}

path "ark/lists/hmac/FINGER.*" {
  capabilities = ["update"]
}

path "ark/lists/keys/+" {
  capabilities = ["read"]
}

path "ark/outputs/datakey/plaintext/+" {
  capabilities = ["update"]
}

path "ark/outputs/hmac/FINGER.*" {
  capabilities = ["update"]
}

path "ark/outputs/keys/+" {
  capabilities = ["read"]
}

path "ark/project/keys/+" {
  capabilities = ["delete", "read"]
}

path "ark/project/keys/+/config" {
  capabilities = ["create", "update"]
}

path "ark/project/keys/GONE.*" {
  capabilities = ["create", "read", "update"]
}

path "ark/release/keys/+" {
  capabilities = ["read"]
}

path "ark/signing/keys/+" {
  capabilities = ["read"]
}

path "ark/versions/keys/+" {
  capabilities = ["delete", "read"]
}

path "ark/versions/keys/+/config" {
  capabilities = ["create", "update"]
}

path "ark/versions/keys/GONE.*" {
  capabilities = ["create", "read", "update"]
}
