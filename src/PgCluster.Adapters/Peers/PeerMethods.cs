using PgCluster.Adapters.Grpc;
using PgCluster.Protos.V1;

namespace PgCluster.Adapters.Peers;

/// <summary>The methods of the agent's and the keeper's services, for both ends of a call.</summary>
public static class PeerMethods
{
    private const string Agent = "pgcluster.v1.NodeAgent";
    private const string Keeper = "pgcluster.v1.PoolerKeeper";
    private const string Pacemaker = "pgcluster.v1.PacemakerAgent";
    private const string Daemons = "pgcluster.v1.DaemonKeeper";

    /// <summary>NodeAgent.GetStatus.</summary>
    public static GrpcMethod<GetStatusRequest, GetStatusResponse> GetStatus { get; } = new(Agent, "GetStatus");

    /// <summary>NodeAgent.Vote.</summary>
    public static GrpcMethod<VoteRequest, VoteResponse> Vote { get; } = new(Agent, "Vote");

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

    /// <summary>NodeAgent.Vouch.</summary>
    public static GrpcMethod<VouchRequest, VouchResponse> Vouch { get; } = new(Agent, "Vouch");

    /// <summary>NodeAgent.Survey.</summary>
    public static GrpcMethod<SurveyRequest, SurveyResponse> Survey { get; } = new(Agent, "Survey");

    /// <summary>NodeAgent.Adopt.</summary>
    public static GrpcMethod<AdoptRequest, AdoptResponse> Adopt { get; } = new(Agent, "Adopt");

    /// <summary>NodeAgent.MakeServer.</summary>
    public static GrpcMethod<MakeServerRequest, MakeServerResponse> MakeServer { get; } = new(Agent, "MakeServer");

    /// <summary>NodeAgent.BeginServer.</summary>
    public static GrpcMethod<BeginServerRequest, BeginServerResponse> BeginServer { get; } = new(Agent, "BeginServer");

    /// <summary>NodeAgent.DiscardServer.</summary>
    public static GrpcMethod<DiscardServerRequest, DiscardServerResponse> DiscardServer { get; } = new(Agent, "DiscardServer");

    /// <summary>NodeAgent.InspectRejoin.</summary>
    public static GrpcMethod<InspectRejoinRequest, InspectRejoinResponse> InspectRejoin { get; } = new(Agent, "InspectRejoin");

    /// <summary>NodeAgent.Rejoin.</summary>
    public static GrpcMethod<RejoinRequest, RejoinResponse> Rejoin { get; } = new(Agent, "Rejoin");

    /// <summary>NodeAgent.RestartServer.</summary>
    public static GrpcMethod<RestartServerRequest, RestartServerResponse> RestartServer { get; } = new(Agent, "RestartServer");

    /// <summary>NodeAgent.GetSessions.</summary>
    public static GrpcMethod<GetSessionsRequest, GetSessionsResponse> GetSessions { get; } = new(Agent, "GetSessions");

    /// <summary>NodeAgent.AdjustRoles.</summary>
    public static GrpcMethod<AdjustRolesRequest, AdjustRolesResponse> AdjustRoles { get; } = new(Agent, "AdjustRoles");

    /// <summary>PoolerKeeper.GetPooler.</summary>
    public static GrpcMethod<GetPoolerRequest, GetPoolerResponse> GetPooler { get; } = new(Keeper, "GetPooler");

    /// <summary>PoolerKeeper.Pause.</summary>
    public static GrpcMethod<PausePoolerRequest, PausePoolerResponse> Pause { get; } = new(Keeper, "Pause");

    /// <summary>PoolerKeeper.PreparePause.</summary>
    public static GrpcMethod<PausePoolerRequest, PausePoolerResponse> PreparePause { get; } = new(Keeper, "PreparePause");

    /// <summary>PoolerKeeper.Resume.</summary>
    public static GrpcMethod<ResumePoolerRequest, ResumePoolerResponse> Resume { get; } = new(Keeper, "Resume");

    /// <summary>PoolerKeeper.ConfirmTarget.</summary>
    public static GrpcMethod<ConfirmTargetRequest, ConfirmTargetResponse> ConfirmTarget { get; } = new(Keeper, "ConfirmTarget");

    /// <summary>PoolerKeeper.DropStrays.</summary>
    public static GrpcMethod<DropStraysRequest, DropStraysResponse> DropStrays { get; } = new(Keeper, "DropStrays");

    /// <summary>PoolerKeeper.RestartPooler.</summary>
    public static GrpcMethod<RestartPoolerRequest, RestartPoolerResponse> RestartPooler { get; } = new(Keeper, "RestartPooler");

    /// <summary>PacemakerAgent.SimulateMove.</summary>
    public static GrpcMethod<SimulateMoveRequest, SimulateMoveResponse> SimulateMove { get; } = new(Pacemaker, "SimulateMove");

    /// <summary>PacemakerAgent.Move.</summary>
    public static GrpcMethod<MoveRequest, MoveResponse> Move { get; } = new(Pacemaker, "Move");

    /// <summary>PacemakerAgent.WaitForPromotion.</summary>
    public static GrpcMethod<WaitForPromotionRequest, PromoteResponse> WaitForPromotion { get; } = new(Pacemaker, "WaitForPromotion");

    /// <summary>PacemakerAgent.ClearMove.</summary>
    public static GrpcMethod<ClearMoveRequest, ClearMoveResponse> ClearMove { get; } = new(Pacemaker, "ClearMove");

    /// <summary>PacemakerAgent.SetStandby.</summary>
    public static GrpcMethod<SetStandbyRequest, SetStandbyResponse> SetStandby { get; } = new(Pacemaker, "SetStandby");

    /// <summary>PacemakerAgent.Settle.</summary>
    public static GrpcMethod<SettleRequest, SettleResponse> Settle { get; } = new(Pacemaker, "Settle");

    /// <summary>DaemonKeeper.ListDaemons.</summary>
    public static GrpcMethod<ListDaemonsRequest, ListDaemonsResponse> ListDaemons { get; } = new(Daemons, "ListDaemons");

    /// <summary>DaemonKeeper.OrderDaemon.</summary>
    public static GrpcMethod<OrderDaemonRequest, OrderDaemonResponse> OrderDaemon { get; } = new(Daemons, "OrderDaemon");
}
