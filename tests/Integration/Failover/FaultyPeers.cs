using PgCluster.Engine.Daemons;
using PgCluster.Engine.Membership;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Pacemaker;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Rejoin;
using PgCluster.Engine.Topology;

namespace PgCluster.Tests.Integration.Failover;

/// <summary>The real peers, of which one call fails, once or for good: after it was carried out, or instead of it.</summary>
internal sealed class FaultyPeers(IClusterPeers inner, string call, bool carriedOut, bool forGood = false) : IClusterPeers
{
    private int _failed;
    private volatile bool _promoted;

    public INodeAgent Node(string name) => new Agent(inner.Node(name), this);

    public IPacemakerAgent Pacemaker(string name) => inner.Pacemaker(name);

    public IPoolerKeeper Pooler(string name, string keeper) => new Keeper(inner.Pooler(name, keeper), this);

    public IDaemonKeeper Daemons(string keeper) => inner.Daemons(keeper);

    public Task<bool> PostgresAnswersAsync(string host, int port, CancellationToken cancellationToken) =>
        inner.PostgresAnswersAsync(host, port, cancellationToken);

    private async Task<T> DoAsync<T>(string name, Func<Task<T>> action)
    {
        var fails = name == call && (Interlocked.Exchange(ref _failed, 1) == 0 || forGood);
        if (fails && !carriedOut)
        {
            throw Lost();
        }

        var result = await action();
        return fails ? throw Lost() : result;

        PgClusterException Lost() => new(Reason.AgentUnreachable, $"{name} was made to fail");
    }

    private Task<bool> DoAsync(string name, Func<Task> action) => DoAsync(name, async () =>
    {
        await action();
        return true;
    });

    private sealed class Agent(INodeAgent inner, FaultyPeers faults) : INodeAgent
    {
        public Task<NodeReport> GetStatusAsync(CancellationToken cancellationToken) => inner.GetStatusAsync(cancellationToken);

        public Task VouchAsync(string leader, string term, CancellationToken cancellationToken) => inner.VouchAsync(leader, term, cancellationToken);

        public Task<NodeReport> VoteAsync(CancellationToken cancellationToken) => inner.VoteAsync(cancellationToken);

        public Task<IReadOnlyList<PauseBlocker>> GetOpenTransactionsAsync(TimeSpan olderThan, CancellationToken cancellationToken) =>
            inner.GetOpenTransactionsAsync(olderThan, cancellationToken);

        public Task<int> TerminateSessionsAsync(OperationToken operation, IReadOnlyList<int> pids, CancellationToken cancellationToken) =>
            inner.TerminateSessionsAsync(operation, pids, cancellationToken);

        public Task CheckpointAsync(OperationToken operation, CancellationToken cancellationToken) =>
            faults.DoAsync("checkpoint", () => inner.CheckpointAsync(operation, cancellationToken));

        public Task<PostgresShutdown> StopPrimaryAsync(OperationToken operation, string target, TimeSpan expiry, CancellationToken cancellationToken) =>
            faults.DoAsync("stop", () => inner.StopPrimaryAsync(operation, target, expiry, cancellationToken));

        public Task RestartPrimaryAsync(OperationToken operation, CancellationToken cancellationToken) => inner.RestartPrimaryAsync(operation, cancellationToken);

        public Task<Lsn> WaitForReplayAsync(Lsn lsn, CancellationToken cancellationToken) =>
            faults.DoAsync("prove", () => inner.WaitForReplayAsync(lsn, cancellationToken));

        public Task<Promotion> PromoteAsync(OperationToken operation, CancellationToken cancellationToken) =>
            faults.DoAsync("promote", () =>
            {
                faults._promoted = true;
                return inner.PromoteAsync(operation, cancellationToken);
            });

        public Task FollowAsync(OperationToken operation, UpstreamAddress upstream, CancellationToken cancellationToken) =>
            faults.DoAsync(faults._promoted ? "follow" : "cascade", () => inner.FollowAsync(operation, upstream, cancellationToken));

        public Task<NodeSurvey> SurveyAsync(IReadOnlyList<UpstreamAddress> others, CancellationToken cancellationToken) => inner.SurveyAsync(others, cancellationToken);

        public Task AdoptAsync(OperationToken operation, string systemIdentifier, UpstreamAddress upstream, CancellationToken cancellationToken) =>
            inner.AdoptAsync(operation, systemIdentifier, upstream, cancellationToken);

        public Task<string> MakeServerAsync(OperationToken operation, string locale, string encoding, CancellationToken cancellationToken) =>
            faults.DoAsync("initdb", () => inner.MakeServerAsync(operation, locale, encoding, cancellationToken));

        public Task BeginServerAsync(OperationToken operation, CancellationToken cancellationToken) =>
            faults.DoAsync("begin", () => inner.BeginServerAsync(operation, cancellationToken));

        public Task<bool> DiscardServerAsync(OperationToken operation, CancellationToken cancellationToken) => inner.DiscardServerAsync(operation, cancellationToken);

        public Task<RejoinInspection> InspectRejoinAsync(UpstreamAddress upstream, CancellationToken cancellationToken) =>
            inner.InspectRejoinAsync(upstream, cancellationToken);

        public Task<RejoinOutcome> RejoinAsync(OperationToken operation, UpstreamAddress upstream, RejoinOrder order, CancellationToken cancellationToken) =>
            inner.RejoinAsync(operation, upstream, order, cancellationToken);

        public Task RestartServerAsync(OperationToken operation, CancellationToken cancellationToken) => inner.RestartServerAsync(operation, cancellationToken);

        public Task<IReadOnlyList<ClientSession>> GetSessionsAsync(CancellationToken cancellationToken) => inner.GetSessionsAsync(cancellationToken);

        public Task<RolePlan> AdjustRolesAsync(RoleAdjustmentRequest request, CancellationToken cancellationToken) => inner.AdjustRolesAsync(request, cancellationToken);
    }

    private sealed class Keeper(IPoolerKeeper inner, FaultyPeers faults) : IPoolerKeeper
    {
        public Task<PoolerInfo> GetAsync(CancellationToken cancellationToken) => inner.GetAsync(cancellationToken);

        public Task<PauseLease> PauseAsync(string leaseId, string holder, TimeSpan timeout, TimeSpan expiry, CancellationToken cancellationToken) =>
            faults.DoAsync("pause", () => inner.PauseAsync(leaseId, holder, timeout, expiry, cancellationToken));

        public Task PreparePauseAsync(CancellationToken cancellationToken) => inner.PreparePauseAsync(cancellationToken);

        public Task<bool> ResumeAsync(string? leaseId, CancellationToken cancellationToken) =>
            faults.DoAsync("resume", () => inner.ResumeAsync(leaseId, cancellationToken));

        public Task<bool> FinishAsync(string leaseId, CancellationToken cancellationToken) => inner.FinishAsync(leaseId, cancellationToken);

        public Task<int> DropStraysAsync(PoolerTarget target, CancellationToken cancellationToken) => inner.DropStraysAsync(target, cancellationToken);

        public Task<PoolerRestart> RestartAsync(bool mayDrop, bool planOnly, CancellationToken cancellationToken) => inner.RestartAsync(mayDrop, planOnly, cancellationToken);

        public Task<bool> ConfirmTargetAsync(PoolerTarget target, CancellationToken cancellationToken) =>
            faults.DoAsync("repoint", () => inner.ConfirmTargetAsync(target, cancellationToken));
    }
}
