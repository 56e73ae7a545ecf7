using PgCluster.Engine.Pooling;
using PgCluster.Protos.V1;

namespace PgCluster.Adapters.Peers;

/// <summary>A pooler's keeper over gRPC; where that is pgsql-cluster-manager's agent, by its service.</summary>
/// <param name="pooler">The pooler's name.</param>
/// <param name="calls">The way to its keeper.</param>
/// <param name="pgcm">The same as pgsql-cluster-manager's agent has it; null for a pooler that no such agent can keep.</param>
internal sealed class GrpcPoolerKeeper(string pooler, PeerCalls calls, PgcmPoolerKeeper? pgcm) : IPoolerKeeper
{
    public Task<PoolerInfo> GetAsync(CancellationToken cancellationToken) => OrPgcmAsync(true, () => GetOursAsync(cancellationToken), p => Task.FromResult(p.Describe()));

    public Task<PgCluster.PauseLease> PauseAsync(string leaseId, string holder, TimeSpan timeout, TimeSpan expiry, CancellationToken cancellationToken) => OrPgcmAsync(
        false, () => PauseOursAsync(leaseId, holder, timeout, expiry, cancellationToken), p => p.PauseAsync(leaseId, holder, timeout, expiry, cancellationToken));

    public Task PreparePauseAsync(CancellationToken cancellationToken) =>
        calls.CallAsync(PeerMethods.PreparePause, new PausePoolerRequest { Pooler = pooler }, cancellationToken);

    public Task<bool> ResumeAsync(string? leaseId, CancellationToken cancellationToken) => OrPgcmAsync(
        false, () => ResumeOursAsync(new ResumePoolerRequest { Pooler = pooler, LeaseId = leaseId ?? "" }, cancellationToken), p => p.ResumeAsync(cancellationToken));

    public Task<bool> FinishAsync(string leaseId, CancellationToken cancellationToken) => ResumeOursAsync(new ResumePoolerRequest { Pooler = pooler, LeaseId = leaseId, ForGood = true }, cancellationToken);

    public Task<bool> ConfirmTargetAsync(PoolerTarget target, CancellationToken cancellationToken) => OrPgcmAsync(false, () => ConfirmOursAsync(target, cancellationToken), p => p.ConfirmTargetAsync(cancellationToken));

    public async Task<int> DropStraysAsync(PoolerTarget target, CancellationToken cancellationToken)
    {
        var request = new DropStraysRequest { Pooler = pooler, Host = target.Address.Host, Port = target.Address.Port };
        return (await calls.CallAsync(PeerMethods.DropStrays, request, cancellationToken).ConfigureAwait(false)).Dropped;
    }

    public async Task<PoolerRestart> RestartAsync(bool mayDrop, bool planOnly, CancellationToken cancellationToken)
    {
        var request = new RestartPoolerRequest { Pooler = pooler, MayDrop = mayDrop, PlanOnly = planOnly };
        var answer = await calls.CallAsync(PeerMethods.RestartPooler, request, cancellationToken).ConfigureAwait(false);
        return PoolerRestartJson.FromJson(answer.RestartJson)
            ?? throw new PgClusterException(Reason.PoolerUnreachable, $"the keeper of {pooler} answers in a form this version does not read") { Target = pooler };
    }

    /// <summary>Asks ours, and pgsql-cluster-manager's where it is that.</summary>
    /// <param name="anew">Whether ours is asked also where theirs was there the last time: the looks notice a successor, the orders between them lose no time.</param>
    /// <param name="ours">The call to ours.</param>
    /// <param name="theirs">The call to theirs.</param>
    private async Task<T> OrPgcmAsync<T>(bool anew, Func<Task<T>> ours, Func<PgcmPoolerKeeper, Task<T>> theirs)
    {
        if (pgcm is null)
        {
            return await ours().ConfigureAwait(false);
        }

        if (anew || !calls.IsPgcm)
        {
            try
            {
                return await ours().ConfigureAwait(false);
            }
            catch (PgClusterException e) when (e.Reason == Reason.ForeignAgent)
            {
                // Then by its own service.
            }
        }

        return await theirs(pgcm).ConfigureAwait(false);
    }

    private async Task<PoolerInfo> GetOursAsync(CancellationToken cancellationToken)
    {
        var answer = await calls.CallAsync(PeerMethods.GetPooler, new GetPoolerRequest { Pooler = pooler }, cancellationToken).ConfigureAwait(false);
        return PoolerRegistration.FromJson(answer.PoolerJson)
            ?? throw new PgClusterException(Reason.PoolerUnreachable, $"the keeper of {pooler} answers in a form this version does not read") { Target = pooler };
    }

    private async Task<PgCluster.PauseLease> PauseOursAsync(string leaseId, string holder, TimeSpan timeout, TimeSpan expiry, CancellationToken cancellationToken)
    {
        var request = new PausePoolerRequest
        {
            Pooler = pooler,
            LeaseId = leaseId,
            Holder = holder,
            TimeoutMs = (long)timeout.TotalMilliseconds,
            ExpiryMs = (long)expiry.TotalMilliseconds,
        };
        return PeerMessages.FromWire((await calls.CallAsync(PeerMethods.Pause, request, cancellationToken).ConfigureAwait(false)).Lease);
    }

    private async Task<bool> ResumeOursAsync(ResumePoolerRequest request, CancellationToken cancellationToken) =>
        (await calls.CallAsync(PeerMethods.Resume, request, cancellationToken).ConfigureAwait(false)).Resumed;

    private async Task<bool> ConfirmOursAsync(PoolerTarget target, CancellationToken cancellationToken)
    {
        var request = new ConfirmTargetRequest { Pooler = pooler, Host = target.Address.Host, Port = target.Address.Port, InsteadOf = target.InsteadOf ?? "" };
        await calls.CallAsync(PeerMethods.ConfirmTarget, request, cancellationToken).ConfigureAwait(false);
        return true;
    }
}
