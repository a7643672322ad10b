# Vault policy of the role "operator". Made from policies/grants.yaml; a test
# holds it to that file. Do not edit.

path "ark/bodies/keys" {
  capabilities = ["list"]
}

path "ark/bodies/keys/+" {
  capabilities = ["create", "delete", "read", "update"]
}

path "ark/bodies/keys/+/config" {
  capabilities = ["create", "update"]
}

path "ark/bodies/keys/+/rotate" {
  capabilities = ["create", "update"]
}

path "ark/bodies/keys/GONE.*" {
  capabilities = ["create", "read", "update"]
}

path "ark/contributors/keys" {
  capabilities = ["list"]
}

path "ark/contributors/keys/+" {
  capabilities = ["create", "delete", "read", "update"]
}

path "ark/contributors/keys/+/config" {
  capabilities = ["create", "update"]
}

path "ark/contributors/keys/+/rotate" {
  capabilities = ["create", "update"]
}

path "ark/contributors/keys/GONE.*" {
  capabilities = ["create", "read", "update"]
}

path "ark/identifiers/keys" {
  capabilities = ["list"]
}

path "ark/identifiers/keys/+" {
  capabilities = ["create", "delete", "read", "update"]
}

path "ark/identifiers/keys/+/config" {
  capabilities = ["create", "update"]
}

path "ark/identifiers/keys/+/rotate" {
  capabilities = ["create", "update"]
}

path "ark/identifiers/keys/GONE.*" {
  capabilities = ["create", "read", "update"]
}

path "ark/index/keys" {
  capabilities = ["list"]
}

path "ark/index/keys/+" {
  capabilities = ["create", "delete", "read", "update"]
}

path "ark/index/keys/+/config" {
  capabilities = ["create", "update"]
}

path "ark/index/keys/+/rotate" {
  capabilities = ["create", "update"]
}

path "ark/index/keys/GONE.*" {
  capabilities = ["create", "read", "update"]
}

path "ark/landing/keys" {
  capabilities = ["list"]
}

path "ark/landing/keys/+" {
  capabilities = ["create", "delete", "read", "update"]
}

path "ark/landing/keys/+/config" {
  capabilities = ["create", "update"]
}

path "ark/landing/keys/+/rotate" {
  capabilities = ["create", "update"]
}

path "ark/landing/keys/GONE.*" {
  capabilities = ["create", "read", "update"]
}

path "ark/ledger/keys" {
  capabilities = ["list"]
}

path "ark/ledger/keys/+" {
  capabilities = ["create", "delete", "read", "update"]
}

path "ark/ledger/keys/+/config" {
  capabilities = ["create", "update"]
}

path "ark/ledger/keys/+/rotate" {
  capabilities = ["create", "update"]
}

path "ark/ledger/keys/GONE.*" {
  capabilities = ["create", "read", "update"]
}

path "ark/lists/keys" {
  capabilities = ["list"]
}

path "ark/lists/keys/+" {
  capabilities = ["create", "delete", "read", "update"]
}

path "ark/lists/keys/+/config" {
  capabilities = ["create", "update"]
}

path "ark/lists/keys/+/rotate" {
  capabilities = ["create", "update"]
}

path "ark/lists/keys/GONE.*" {
  capabilities = ["create", "read", "update"]
}

path "ark/outputs/keys" {
  capabilities = ["list"]
}

path "ark/outputs/keys/+" {
  capabilities = ["create", "delete", "read", "update"]
}

path "ark/outputs/keys/+/config" {
  capabilities = ["create", "update"]
}

path "ark/outputs/keys/+/rotate" {
  capabilities = ["create", "update"]
}

path "ark/outputs/keys/GONE.*" {
  capabilities = ["create", "read", "update"]
}

path "ark/payload/keys" {
  capabilities = ["list"]
}

path "ark/payload/keys/+" {
  capabilities = ["create", "delete", "read", "update"]
}

path "ark/payload/keys/+/config" {
  capabilities = ["create", "update"]
}

path "ark/payload/keys/+/rotate" {
  capabilities = ["create", "update"]
}

path "ark/payload/keys/GONE.*" {
  capabilities = ["create", "read", "update"]
}

path "ark/persons/keys" {
  capabilities = ["list"]
}

path "ark/persons/keys/+" {
  capabilities = ["create", "delete", "read", "update"]
}

path "ark/persons/keys/+/config" {
  capabilities = ["create", "update"]
}

path "ark/persons/keys/+/rotate" {
  capabilities = ["create", "update"]
}

path "ark/persons/keys/GONE.*" {
  capabilities = ["create", "read", "update"]
}

path "ark/project/keys" {
  capabilities = ["list"]
}

path "ark/project/keys/+" {
  capabilities = ["create", "delete", "read", "update"]
}

path "ark/project/keys/+/config" {
  capabilities = ["create", "update"]
}

path "ark/project/keys/+/rotate" {
  capabilities = ["create", "update"]
}

path "ark/project/keys/GONE.*" {
  capabilities = ["create", "read", "update"]
}

path "ark/pseudonym/keys" {
  capabilities = ["list"]
}

path "ark/pseudonym/keys/+" {
  capabilities = ["create", "delete", "read", "update"]
}

path "ark/pseudonym/keys/+/config" {
  capabilities = ["create", "update"]
}

path "ark/pseudonym/keys/+/rotate" {
  capabilities = ["create", "update"]
}

path "ark/pseudonym/keys/GONE.*" {
  capabilities = ["create", "read", "update"]
}

path "ark/records/keys" {
  capabilities = ["list"]
}

path "ark/records/keys/+" {
  capabilities = ["create", "delete", "read", "update"]
}

path "ark/records/keys/+/config" {
  capabilities = ["create", "update"]
}

path "ark/records/keys/+/rotate" {
  capabilities = ["create", "update"]
}

path "ark/records/keys/GONE.*" {
  capabilities = ["create", "read", "update"]
}

path "ark/release/keys" {
  capabilities = ["list"]
}

path "ark/release/keys/+" {
  capabilities = ["create", "delete", "read", "update"]
}

path "ark/release/keys/+/config" {
  capabilities = ["create", "update"]
}

path "ark/release/keys/+/rotate" {
  capabilities = ["create", "update"]
}

path "ark/release/keys/GONE.*" {
  capabilities = ["create", "read", "update"]
}

path "ark/sidecar/keys" {
  capabilities = ["list"]
}

path "ark/sidecar/keys/+" {
  capabilities = ["create", "delete", "read", "update"]
}

path "ark/sidecar/keys/+/config" {
  capabilities = ["create", "update"]
}

path "ark/sidecar/keys/+/rotate" {
  capabilities = ["create", "update"]
}

path "ark/sidecar/keys/GONE.*" {
  capabilities = ["create", "read", "update"]
}

path "ark/signing/keys" {
  capabilities = ["list"]
}

path "ark/signing/keys/+" {
  capabilities = ["create", "delete", "read", "update"]
}

path "ark/signing/keys/+/config" {
  capabilities = ["create", "update"]
}

path "ark/signing/keys/+/rotate" {
  capabilities = ["create", "update"]
}

path "ark/signing/keys/GONE.*" {
  capabilities = ["create", "read", "update"]
}

path "ark/versions/keys" {
  capabilities = ["list"]
}

path "ark/versions/keys/+" {
  capabilities = ["create", "delete", "read", "update"]
}

path "ark/versions/keys/+/config" {
  capabilities = ["create", "update"]
}

path "ark/versions/keys/+/rotate" {
  capabilities = ["create", "update"]
}

path "ark/versions/keys/GONE.*" {
  capabilities = ["create", "read", "update"]
}
