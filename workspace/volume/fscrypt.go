package volume

import (
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// keyID is the kernel's public name of a key: a hash of it.
type keyID [unix.FSCRYPT_KEY_IDENTIFIER_SIZE]byte

// addKey gives the kernel a key for the file system mounted at mount.
func addKey(mount string, key []byte) (keyID, error) {
	var arg struct {
		unix.FscryptAddKeyArg
		raw [KeySize]byte
	}
	arg.Key_spec.Type = unix.FSCRYPT_KEY_SPEC_TYPE_IDENTIFIER
	arg.Raw_size = KeySize
	copy(arg.raw[:], key)
	defer clear(arg.raw[:])
	var id keyID
	err := ioctl(mount, unix.FS_IOC_ADD_ENCRYPTION_KEY, unsafe.Pointer(&arg))
	copy(id[:], arg.Key_spec.U[:])
	return id, err
}

// setPolicy encrypts the empty folder dir under the key named id.
func setPolicy(dir string, id keyID) error {
	policy := unix.FscryptPolicyV2{
		Version:                   unix.FSCRYPT_POLICY_V2,
		Contents_encryption_mode:  unix.FSCRYPT_MODE_AES_256_XTS,
		Filenames_encryption_mode: unix.FSCRYPT_MODE_AES_256_CTS,
		Flags:                     unix.FSCRYPT_POLICY_FLAGS_PAD_32,
		Master_key_identifier:     id,
	}
	return ioctl(dir, unix.FS_IOC_SET_ENCRYPTION_POLICY, unsafe.Pointer(&policy))
}

// policyKey returns the name of the key under which dir is encrypted.
func policyKey(dir string) (keyID, error) {
	var arg struct {
		size   uint64
		policy unix.FscryptPolicyV2
	}
	arg.size = uint64(unsafe.Sizeof(arg.policy))
	if err := ioctl(dir, unix.FS_IOC_GET_ENCRYPTION_POLICY_EX, unsafe.Pointer(&arg)); err != nil {
		return keyID{}, err
	}
	if arg.policy.Version != unix.FSCRYPT_POLICY_V2 {
		return keyID{}, unix.EINVAL
	}
	return arg.policy.Master_key_identifier, nil
}

// removeKeys takes the key of dir out of the kernel, as far as nothing uses it
// still; unmounting does the rest.
func removeKeys(mount, dir string) {
	id, err := policyKey(dir)
	if err != nil {
		return
	}
	var arg unix.FscryptRemoveKeyArg
	arg.Key_spec.Type = unix.FSCRYPT_KEY_SPEC_TYPE_IDENTIFIER
	copy(arg.Key_spec.U[:], id[:])
	_ = ioctl(mount, unix.FS_IOC_REMOVE_ENCRYPTION_KEY, unsafe.Pointer(&arg))
}

func ioctl(dir string, request uint, arg unsafe.Pointer) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), uintptr(request), uintptr(arg))
	runtime.KeepAlive(arg)
	if errno != 0 {
		return errno
	}
	return nil
}
