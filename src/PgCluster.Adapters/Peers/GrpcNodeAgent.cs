using PgCluster.Engine.Membership;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Rejoin;
using PgCluster.Engine.Roles;
using PgCluster.Protos.V1;

namespace PgCluster.Adapters.Peers;

/// <summary>A node's agent over gRPC.</summary>
internal sealed class GrpcNodeAgent(string name, PeerCalls calls) : INodeAgent
{
    public async Task<NodeReport> GetStatusAsync(CancellationToken cancellationToken)
    {
        var answer = await calls.CallAsync(PeerMethods.GetStatus, new GetStatusRequest(), cancellationToken).ConfigureAwait(false);
        return Read(answer.StatusJson);
    }

    public async Task<NodeReport> VoteAsync(CancellationToken cancellationToken)
    {
        var answer = await calls.CallAsync(PeerMethods.Vote, new VoteRequest(), cancellationToken).ConfigureAwait(false);
        return Read(answer.StatusJson);
    }

    public Task VouchAsync(string leader, string term, CancellationToken cancellationToken) =>
        calls.CallAsync(PeerMethods.Vouch, new VouchRequest { Leader = leader, Term = term }, cancellationToken);

    public async Task<IReadOnlyList<PauseBlocker>> GetOpenTransactionsAsync(TimeSpan olderThan, CancellationToken cancellationToken)
    {
        var request = new GetOpenTransactionsRequest { OlderThanMs = (long)olderThan.TotalMilliseconds };
        var answer = await calls.CallAsync(PeerMethods.GetOpenTransactions, request, cancellationToken).ConfigureAwait(false);
        return [.. answer.Transactions.Select(t => PeerMessages.FromWire(name, t))];
    }

    public async Task<int> TerminateSessionsAsync(OperationToken operation, IReadOnlyList<int> pids, CancellationToken cancellationToken)
    {
        var request = new TerminateSessionsRequest { Operation = PeerMessages.ToWire(operation), Pids = { pids } };
        return (await calls.CallAsync(PeerMethods.TerminateSessions, request, cancellationToken).ConfigureAwait(false)).Terminated;
    }

    public Task CheckpointAsync(OperationToken operation, CancellationToken cancellationToken) =>
        calls.CallAsync(PeerMethods.Checkpoint, new CheckpointRequest { Operation = PeerMessages.ToWire(operation) }, cancellationToken);

    public async Task<PostgresShutdown> StopPrimaryAsync(OperationToken operation, string target, TimeSpan expiry, CancellationToken cancellationToken)
    {
        var request = new StopPrimaryRequest { Operation = PeerMessages.ToWire(operation), Target = target, ExpiryMs = (long)expiry.TotalMilliseconds };
        var answer = await calls.CallAsync(PeerMethods.StopPrimary, request, cancellationToken).ConfigureAwait(false);
        return new PostgresShutdown(answer.Clean, new Lsn(answer.CheckpointLsn), answer.Timeline);
    }

    public Task RestartPrimaryAsync(OperationToken operation, CancellationToken cancellationToken) =>
        calls.CallAsync(PeerMethods.RestartPrimary, new RestartPrimaryRequest { Operation = PeerMessages.ToWire(operation) }, cancellationToken);

    public async Task<Lsn> WaitForReplayAsync(Lsn lsn, CancellationToken cancellationToken) =>
        new((await calls.CallAsync(PeerMethods.WaitForReplay, new WaitForReplayRequest { Lsn = lsn.Value }, cancellationToken).ConfigureAwait(false)).ReplayedLsn);

    public async Task<Promotion> PromoteAsync(OperationToken operation, CancellationToken cancellationToken)
    {
        var answer = await calls.CallAsync(
            PeerMethods.Promote, new PromoteRequest { Operation = PeerMessages.ToWire(operation) }, cancellationToken).ConfigureAwait(false);
        return PeerMessages.FromWire(answer);
    }

    public Task FollowAsync(OperationToken operation, UpstreamAddress upstream, CancellationToken cancellationToken) => calls.CallAsync(
        PeerMethods.Follow,
        new FollowRequest
        {
            Operation = PeerMessages.ToWire(operation),
            UpstreamName = upstream.Name,
            UpstreamHost = upstream.Host,
            UpstreamPort = upstream.Port,
        },
        cancellationToken);

    public async Task<NodeSurvey> SurveyAsync(IReadOnlyList<UpstreamAddress> others, CancellationToken cancellationToken)
    {
        var answer = await calls.CallAsync(PeerMethods.Survey, new SurveyRequest { Others = { others.Select(PeerMessages.ToWire) } }, cancellationToken).ConfigureAwait(false);
        return NodeSurvey.FromJson(answer.SurveyJson)
            ?? throw new PgClusterException(Reason.AgentUnreachable, $"the agent of {name} answers in a form this version does not read") { Target = name };
    }

    public Task AdoptAsync(OperationToken operation, string systemIdentifier, UpstreamAddress upstream, CancellationToken cancellationToken) => calls.CallAsync(
        PeerMethods.Adopt,
        new AdoptRequest { Operation = PeerMessages.ToWire(operation), SystemIdentifier = systemIdentifier, Upstream = PeerMessages.ToWire(upstream) },
        cancellationToken);

    public async Task<string> MakeServerAsync(OperationToken operation, string locale, string encoding, CancellationToken cancellationToken)
    {
        var request = new MakeServerRequest { Operation = PeerMessages.ToWire(operation), Locale = locale, Encoding = encoding };
        return (await calls.CallAsync(PeerMethods.MakeServer, request, cancellationToken).ConfigureAwait(false)).SystemIdentifier;
    }

    public Task BeginServerAsync(OperationToken operation, CancellationToken cancellationToken) =>
        calls.CallAsync(PeerMethods.BeginServer, new BeginServerRequest { Operation = PeerMessages.ToWire(operation) }, cancellationToken);

    public async Task<bool> DiscardServerAsync(OperationToken operation, CancellationToken cancellationToken)
    {
        var request = new DiscardServerRequest { Operation = PeerMessages.ToWire(operation) };
        return (await calls.CallAsync(PeerMethods.DiscardServer, request, cancellationToken).ConfigureAwait(false)).Discarded;
    }

    public async Task<RejoinInspection> InspectRejoinAsync(UpstreamAddress upstream, CancellationToken cancellationToken)
    {
        var request = new InspectRejoinRequest { UpstreamName = upstream.Name, UpstreamHost = upstream.Host, UpstreamPort = upstream.Port };
        return PeerMessages.FromWire(name, await calls.CallAsync(PeerMethods.InspectRejoin, request, cancellationToken).ConfigureAwait(false));
    }

    public async Task<RejoinOutcome> RejoinAsync(OperationToken operation, UpstreamAddress upstream, RejoinOrder order, CancellationToken cancellationToken) =>
        PeerMessages.FromWire(await calls.CallAsync(PeerMethods.Rejoin, PeerMessages.ToWire(operation, upstream, order), cancellationToken).ConfigureAwait(false));

    public Task RestartServerAsync(OperationToken operation, CancellationToken cancellationToken) =>
        calls.CallAsync(PeerMethods.RestartServer, new RestartServerRequest { Operation = PeerMessages.ToWire(operation) }, cancellationToken);

    public async Task<IReadOnlyList<PgCluster.ClientSession>> GetSessionsAsync(CancellationToken cancellationToken)
    {
        var answer = await calls.CallAsync(PeerMethods.GetSessions, new GetSessionsRequest(), cancellationToken).ConfigureAwait(false);
        return [.. answer.Sessions.Select(s => PeerMessages.FromWire(name, s))];
    }

    public async Task<RolePlan> AdjustRolesAsync(RoleAdjustmentRequest request, CancellationToken cancellationToken)
    {
        var asked = new AdjustRolesRequest { MaxSteps = request.MaxSteps, PlanOnly = request.PlanOnly, Why = request.Why, Actor = request.Actor };
        var answer = await calls.CallAsync(PeerMethods.AdjustRoles, asked, cancellationToken).ConfigureAwait(false);
        return RolePlanJson.FromJson(answer.PlanJson)
            ?? throw new PgClusterException(Reason.AgentUnreachable, $"the agent of {name} answers in a form this version does not read") { Target = name };
    }

    /// <summary>Whoever answers must be who was asked: an order for one node must not reach the server of another.</summary>
    private NodeReport Read(string json)
    {
        var report = NodeReport.FromJson(json)
            ?? throw new PgClusterException(Reason.AgentUnreachable, $"the agent of {name} answers in a form this version does not read") { Target = name };
        return report.Name == name
            ? report
            : throw new PgClusterException(
                Reason.InvalidConfiguration, $"what answers at the address of {name}'s agent is the agent of {report.Name}: 'agent' of one of them is wrong in the configuration, or it was started with the wrong name")
            { Target = name };
    }
}
