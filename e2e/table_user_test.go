package e2e

import (
	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/fault"
)

// phone are the headers of a mobile app.
func phone(device, uuid string) map[string]string {
	return map[string]string{"FZM-DEVICE": device, "FZM-UUID": uuid, "FZM-DEVICE-NAME": "Pixel 7", "FZM-VERSION": "3.2.0"}
}

const (
	welcome = `{"address":"$alice"}`
	comes   = jsonText(`{"connType":0}`)
	returns = jsonText(`{"connType":1}`)
	// refusal is what a phone is told that comes back although another one
	// took its place.
	refusal = `{"code":-1016,"service":"","message":{"uuid":"phone-new","device":1,"deviceName":"iPhone 14 \"Al\"","datetime":1655716335340}}`
)

var userTables = []table{{
	route: "/app/user/login",
	good:  jsonText(`{"connType":0}`),
	bare:  true,
	set: func(s *scene) {
		// alice's newest phone, as its socket would have recorded it.
		s.device(s.alice, wirev1.Device_DEVICE_ANDROID, "phone-old", "Pixel 7", 1655716000000)
		s.device(s.alice, wirev1.Device_DEVICE_IOS, "phone-new", `iPhone 14 "Al"`, 1655716335340)
		s.device(s.alice, wirev1.Device_DEVICE_WINDOWS, "desktop", "PC", 1655719999999)
	},
	rows: []row{
		{name: "connect", body: comes, data: welcome},
		{name: "an empty object", body: jsonText(`{}`), data: welcome},
		{name: "no body and no content type", body: nothing{}, data: welcome},
		{name: "a content type without a body", body: raw{"application/json; charset=UTF-8", ""}, data: welcome},
		{name: "null counts as absent", body: jsonText(`{"connType":null}`), data: welcome},
		{name: "unknown fields", body: jsonText(`{"connType":0,"more":[{}]}`), data: welcome},
		{name: "no content type", body: raw{"", `{"connType":0}`}, data: welcome},
		{name: "somebody else", from: byBob, body: returns, headers: phone("Android", "his"), data: `{"address":"$bob"}`},

		{name: "the replaced phone connects anew", body: comes, headers: phone("Android", "phone-old"), data: welcome},
		{name: "the newest phone comes back", body: returns, headers: phone("IOS", "phone-new"), data: welcome},
		{name: "the replaced phone comes back", body: returns, headers: phone("Android", "phone-old"), result: fault.ReconnectRefused, data: refusal},
		{name: "an unknown phone comes back", body: returns, headers: phone("IOS", "phone-x"), result: fault.ReconnectRefused, data: refusal},
		{name: "a desktop comes back", body: returns, headers: phone("Windows", "desktop-x"), data: welcome},
		{name: "no known device comes back", body: returns, headers: phone("Toaster", "phone-old"), data: welcome},
		{name: "no device comes back", body: returns, data: welcome},
		{name: "a phone without a uuid comes back", body: returns, headers: phone("Android", ""), data: welcome},
		{name: "a phone whose name is no UTF-8", body: comes, headers: map[string]string{"FZM-DEVICE": "Android", "FZM-DEVICE-NAME": "\xd0\xa1\xc3\xd7"}, data: welcome},
		{name: "login alone recorded none of these", body: returns, headers: phone("IOS", "phone-new"), data: welcome},

		wrong("connType", `{"connType":"1"}`),
		wrong("connType", `{"connType":1.5}`),
		wrong("connType", `{"connType":4294967296}`),
		wrong("connType", `{"connType":[]}`),
		wrong("body", `[]`),
		wrong("body", `{"connType":0`),
	},
}}

// device records a device as the socket's Auth does.
func (s *scene) device(owner *client, kind wirev1.Device, uuid, name string, at int64) {
	s.t.Helper()
	if err := s.db.Writer.WithContext(s.t.Context()).Exec(
		"INSERT INTO device (user_id, type, uuid, name, push_token, at, cursor_pos) VALUES (?, ?, ?, ?, '', ?, 0)",
		string(owner.uid()), int32(kind), uuid, name, at).Error; err != nil {
		s.t.Fatal(err)
	}
}
