package bind_test

// The request types of this file are those that goctl generates from the
// contracts, as far as tests need them. Their names matter: exceptions are
// found by them.

type OssBase struct {
	AppId   string `json:"appId" form:"appId"`
	OssType string `json:"ossType,optional,options=huaweiyun|aliyun|minio" form:"ossType,optional,options=huaweiyun|aliyun|minio"`
}

type UploadReq struct {
	OssBase
	Key string `json:"key" form:"key"`
}

type UploadPartReq struct {
	OssBase
	Key        string `json:"key" form:"key"`
	UploadId   string `json:"uploadId" form:"uploadId"`
	PartNumber int32  `json:"partNumber,range=[1:10000]" form:"partNumber,range=[1:10000]"`
}

type Part struct {
	ETag       string `json:"ETag" form:"ETag"`
	PartNumber int32  `json:"partNumber,range=[1:10000]" form:"partNumber,range=[1:10000]"`
}

type CompleteMultiUploadReq struct {
	OssBase
	Key      string `json:"key" form:"key"`
	UploadId string `json:"uploadId" form:"uploadId"`
	Parts    []Part `json:"parts"`
}

type StartCallReq struct {
	GroupId  string   `json:"groupId"`
	Invitees []string `json:"invitees"`
	RTCType  int32    `json:"RTCType,options=1|2"`
}

type HandleCallReq struct {
	Answer     bool   `json:"answer"`
	TraceId    int64  `json:"traceId"`
	TraceIdStr string `json:"traceIdStr,optional"`
}

type RevokeReq struct {
	Type int   `json:"type,optional,options=0|1"`
	Mid  int64 `json:"logId"`
}

type SyncReq struct {
	MaxCount int64 `json:"count,range=[1:1000]"`
	StartMid int64 `json:"start,optional"`
}

type PrivateRecordReq struct {
	FromId      string `json:"-"`
	TargetId    string `json:"targetId"`
	RecordCount int64  `json:"count,range=[1:100]"`
	Mid         string `json:"logId"`
}

type PushReq struct {
	File string `form:"file"`
}

type LoginReq struct {
	ConnType int32 `json:"connType"`
}

type CreateGroupReq struct {
	Name      string   `json:"name" form:"name"`
	Avatar    string   `json:"avatar" form:"avatar"`
	Introduce string   `json:"introduce" form:"introduce"`
	MemberIds []string `json:"memberIds" form:"memberIds"`
}

type GetGroupListReq struct{}

type GetGroupInfoReq struct {
	Id    int64  `json:"id,optional"`
	IdStr string `json:"idStr,optional"`
}

type JoinGroupReq struct {
	Id        int64  `json:"id"`
	IdStr     string `json:"idStr"`
	InviterId string `json:"inviterId"`
}

type UpdateGroupNameReq struct {
	Id         int64  `json:"id,optional"`
	IdStr      string `json:"idStr,optional"`
	Name       string `json:"name"`
	PublicName string `json:"publicName"`
}

type GetApplicationListReq struct {
	Id    int64  `json:"id,optional"`
	IdStr string `json:"idStr,optional"`
	Start int64  `json:"start,optional"`
	Count int64  `json:"count,default=100,range=[1:1000]"`
}

type AnswerApplicationReq struct {
	Id               int64  `json:"id,optional"`
	IdStr            string `json:"idStr,optional"`
	ApplicationId    int64  `json:"applicationId,optional"`
	ApplicationIdStr string `json:"applicationIdStr,optional"`
	Accept           bool   `json:"accept"`
}
