using PgCluster.Adapters.Grpc;
using PgCluster.Protos.V1;

namespace PgCluster.Adapters.Peers;

/// <summary>The methods of the agent's and the keeper's services, for both ends of a call.</summary>
public static class PeerMethods
{
    private const string Agent = "pgcluster.v1.NodeAgent";
    private const string Keeper = "pgcluster.v1.PoolerKeeper";

    /// <summary>NodeAgent.GetStatus.</summary>
    public static GrpcMethod<GetStatusRequest, GetStatusResponse> GetStatus { get; } = new(Agent, "GetStatus");

    /// <summary>NodeAgent.GetOpenTransactions.</summary>
    public static GrpcMethod<GetOpenTransactionsRequest, GetOpenTransactionsResponse> GetOpenTransactions { get; } = new(Agent, "GetOpenTransactions");

    /// <summary>NodeAgent.TerminateSessions.</summary>
    public static GrpcMethod<TerminateSessionsRequest, TerminateSessionsResponse> TerminateSessions { get; } = new(Agent, "TerminateSessions");

    /// <summary>NodeAgent.Checkpoint.</summary>
    public static GrpcMethod<CheckpointRequest, CheckpointResponse> Checkpoint { get; } = new(Agent, "Checkpoint");

    /// <summary>NodeAgent.StopPrimary.</summary>
    public static GrpcMethod<StopPrimaryRequest, StopPrimaryResponse> StopPrimary { get; } = new(Agent, "StopPrimary");

    /// <summary>NodeAgent.RestartPrimary.</summary>
    public static GrpcMethod<RestartPrimaryRequest, RestartPrimaryResponse> RestartPrimary { get; } = new(Agent, "RestartPrimary");

    /// <summary>NodeAgent.WaitForReplay.</summary>
    public static GrpcMethod<WaitForReplayRequest, WaitForReplayResponse> WaitForReplay { get; } = new(Agent, "WaitForReplay");

    /// <summary>NodeAgent.Promote.</summary>
    public static GrpcMethod<PromoteRequest, PromoteResponse> Promote { get; } = new(Agent, "Promote");

    /// <summary>NodeAgent.Follow.</summary>
    public static GrpcMethod<FollowRequest, FollowResponse> Follow { get; } = new(Agent, "Follow");

    /// <summary>PoolerKeeper.GetPooler.</summary>
    public static GrpcMethod<GetPoolerRequest, GetPoolerResponse> GetPooler { get; } = new(Keeper, "GetPooler");

    /// <summary>PoolerKeeper.Pause.</summary>
    public static GrpcMethod<PausePoolerRequest, PausePoolerResponse> Pause { get; } = new(Keeper, "Pause");

    /// <summary>PoolerKeeper.Resume.</summary>
    public static GrpcMethod<ResumePoolerRequest, ResumePoolerResponse> Resume { get; } = new(Keeper, "Resume");

    /// <summary>PoolerKeeper.ConfirmTarget.</summary>
    public static GrpcMethod<ConfirmTargetRequest, ConfirmTargetResponse> ConfirmTarget { get; } = new(Keeper, "ConfirmTarget");
}
