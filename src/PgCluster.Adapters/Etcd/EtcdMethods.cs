using PgCluster.Adapters.Etcd.Wire;
using PgCluster.Adapters.Grpc;

namespace PgCluster.Adapters.Etcd;

/// <summary>The methods of etcd's API v3 that are called.</summary>
internal static class EtcdMethods
{
    public static readonly GrpcMethod<RangeRequest, RangeResponse> Range = new("etcdserverpb.KV", "Range");
    public static readonly GrpcMethod<TxnRequest, TxnResponse> Txn = new("etcdserverpb.KV", "Txn");
    public static readonly GrpcMethod<WatchRequest, WatchResponse> Watch = new("etcdserverpb.Watch", "Watch");
    public static readonly GrpcMethod<LeaseGrantRequest, LeaseGrantResponse> LeaseGrant = new("etcdserverpb.Lease", "LeaseGrant");
    public static readonly GrpcMethod<LeaseRevokeRequest, LeaseRevokeResponse> LeaseRevoke = new("etcdserverpb.Lease", "LeaseRevoke");
    public static readonly GrpcMethod<LeaseKeepAliveRequest, LeaseKeepAliveResponse> LeaseKeepAlive = new("etcdserverpb.Lease", "LeaseKeepAlive");
    public static readonly GrpcMethod<StatusRequest, StatusResponse> Status = new("etcdserverpb.Maintenance", "Status");
    public static readonly GrpcMethod<AuthenticateRequest, AuthenticateResponse> Authenticate = new("etcdserverpb.Auth", "Authenticate");
}
