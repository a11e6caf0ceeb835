package fault

import "google.golang.org/grpc/codes"

// Code is a result code of the public API. It is an error by itself, so that a
// rule can simply return it.
type Code int32

// The codes of the API, with the words that users see in text.
const (
	OK                 Code = 0
	Busy               Code = -1000
	NotFound           Code = -1007
	Failed             Code = -1009
	BadSignature       Code = -1010
	SignatureExpired   Code = -1011
	BadRequest         Code = -1012
	ReconnectRefused   Code = -1016
	Forbidden          Code = -1019
	Unsupported        Code = -2000
	GroupBlocked       Code = -10001
	GroupDisbanded     Code = -10002
	GroupFull          Code = -10003
	InviteForbidden    Code = -10005
	AllInvitedAreIn    Code = -10010
	NobodyToRemove     Code = -10011
	AdminRequired      Code = -10012
	OwnerRequired      Code = -10013
	NotMember          Code = -10015
	TargetNotMember    Code = -10016
	TransferToSelf     Code = -10017
	TooManyAdmins      Code = -10019
	HigherRoleRequired Code = -10020
	OwnerCannotExit    Code = -10021
	OnlyOwnerDisbands  Code = -10023
	OnlyOwnerTransfers Code = -10024
	OnlyOwnerSetsAdmin Code = -10025
	NoSuchGroup        Code = -10026
	ApplicationClosed  Code = -10028
	AlreadyMember      Code = -10029
	NoSuchApplication  Code = -10030
	ApplicationPending Code = -10031
	Muted              Code = -10032
	CallBusy           Code = -10101
	CallExpired        Code = -10102
	PartTooSmall       Code = -10201
	FileTooLarge       Code = -10202
	BadKey             Code = -10203
)

// row is what the project knows about a code: the gRPC status that carries it
// and its words. The statuses of business errors are those that zrpc's breaker
// does not count as failures of the service.
type row struct {
	status  codes.Code
	chinese string
	english string
}

var table = map[Code]row{
	OK:                 {codes.OK, "OK", "OK"},
	Busy:               {codes.Internal, "服务器繁忙，请稍后重试", "The server is busy, please try again later"},
	NotFound:           {codes.NotFound, "无对应信息", "Not found"},
	Failed:             {codes.FailedPrecondition, "执行失败", "The operation failed"},
	BadSignature:       {codes.Unauthenticated, "无效签名", "Invalid signature"},
	SignatureExpired:   {codes.Unauthenticated, "签名过期", "The signature has expired"},
	BadRequest:         {codes.InvalidArgument, "请求参数错误", "Invalid request"},
	ReconnectRefused:   {codes.FailedPrecondition, "设备重连不被允许", "This device may not reconnect"},
	Forbidden:          {codes.PermissionDenied, "权限不足", "Permission denied"},
	Unsupported:        {codes.FailedPrecondition, "未支持该功能", "This function is not supported"},
	GroupBlocked:       {codes.FailedPrecondition, "群正在被封禁中", "The group is blocked"},
	GroupDisbanded:     {codes.FailedPrecondition, "群已被解散", "The group was disbanded"},
	GroupFull:          {codes.FailedPrecondition, "超出群人数上限", "The group has too many members"},
	InviteForbidden:    {codes.PermissionDenied, "邀请群成员权限不足", "You may not invite to this group"},
	AllInvitedAreIn:    {codes.FailedPrecondition, "被邀请人已经都在本群中", "Everybody invited is in this group already"},
	NobodyToRemove:     {codes.FailedPrecondition, "没有可以踢出群的人", "There is nobody to remove"},
	AdminRequired:      {codes.PermissionDenied, "需要管理员权限", "Only an admin may do this"},
	OwnerRequired:      {codes.PermissionDenied, "需要群主权限", "Only the owner may do this"},
	NotMember:          {codes.PermissionDenied, "你已不在本群中", "You are not in this group"},
	TargetNotMember:    {codes.FailedPrecondition, "对方不在本群中", "The other person is not in this group"},
	TransferToSelf:     {codes.FailedPrecondition, "不能把群转让给自己", "You cannot transfer the group to yourself"},
	TooManyAdmins:      {codes.FailedPrecondition, "管理员数量已满", "The group has too many admins"},
	HigherRoleRequired: {codes.PermissionDenied, "需要更高权限", "A higher role is required"},
	OwnerCannotExit:    {codes.FailedPrecondition, "群主不能主动退群", "The owner cannot leave the group"},
	OnlyOwnerDisbands:  {codes.PermissionDenied, "只有群主可以解散群", "Only the owner may disband the group"},
	OnlyOwnerTransfers: {codes.PermissionDenied, "只有群主可以转让群", "Only the owner may transfer the group"},
	OnlyOwnerSetsAdmin: {codes.PermissionDenied, "只有群主可以设置管理员", "Only the owner may appoint admins"},
	NoSuchGroup:        {codes.NotFound, "该群号不存在", "There is no such group"},
	ApplicationClosed:  {codes.FailedPrecondition, "该申请已处理", "This application was answered already"},
	AlreadyMember:      {codes.FailedPrecondition, "你已在本群中", "You are in this group already"},
	NoSuchApplication:  {codes.NotFound, "该申请不存在", "There is no such application"},
	ApplicationPending: {codes.FailedPrecondition, "已提交申请，等待管理员审批", "Your application waits for an admin"},
	Muted:              {codes.PermissionDenied, "你已被禁言", "You are muted"},
	CallBusy:           {codes.FailedPrecondition, "对方在忙,请稍后再试", "The other person is busy, please try again later"},
	CallExpired:        {codes.FailedPrecondition, "通话已过期", "The call is over"},
	PartTooSmall:       {codes.FailedPrecondition, "上传分片文件太小", "The part is too small"},
	FileTooLarge:       {codes.FailedPrecondition, "上传文件太大", "The file is too large"},
	BadKey:             {codes.InvalidArgument, "文件路径非法", "The key of the file is not allowed"},
}

// Error returns the English words of c.
func (c Code) Error() string { return table[c].english }

// Text returns what a user is told: English words if english is set, else the
// Chinese ones, which are the default of the API.
func (c Code) Text(english bool) string {
	if english {
		return table[c].english
	}
	return table[c].chinese
}

// Known reports whether c is a code of the API.
func (c Code) Known() bool { _, ok := table[c]; return ok }
