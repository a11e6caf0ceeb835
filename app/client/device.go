package client

import (
	"os"

	"github.com/google/uuid"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/id"
)

// device is what the server knows of a terminal. All terminals on one machine
// are one device of the user: whatever one of them confirms, the others have
// asked for themselves.
type device struct {
	uuid, name string
}

// thisDevice is the device of a user on this machine, on which a program runs.
func thisDevice(uid id.UID, program string) device {
	host, err := os.Hostname()
	if err != nil {
		host = "a terminal"
	}
	return device{uuid: deviceUUID(string(uid), host), name: program + " on " + host}
}

// deviceUUID names the device of a user on a machine, the same in every run: a
// new device would be sent everything that the user ever got.
func deviceUUID(uid, host string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("parley:chat:"+uid+"@"+host)).String()
}

func deviceType(os string) wirev1.Device {
	switch os {
	case "windows":
		return wirev1.Device_DEVICE_WINDOWS
	case "darwin":
		return wirev1.Device_DEVICE_MAC_OS
	}
	return wirev1.Device_DEVICE_LINUX
}
