using PgCluster.Engine.Pooling;
using PgCluster.Protos.V1;

namespace PgCluster.Adapters.Peers;

/// <summary>A pooler's keeper over gRPC.</summary>
internal sealed class GrpcPoolerKeeper(string pooler, PeerCalls calls) : IPoolerKeeper
{
    public async Task<PoolerInfo> GetAsync(CancellationToken cancellationToken)
    {
        var answer = await calls.CallAsync(PeerMethods.GetPooler, new GetPoolerRequest { Pooler = pooler }, cancellationToken).ConfigureAwait(false);
        return PoolerRegistration.FromJson(answer.PoolerJson)
            ?? throw new PgClusterException(Reason.PoolerUnreachable, $"the keeper of {pooler} answers in a form this version does not read") { Target = pooler };
    }

    public async Task<PgCluster.PauseLease> PauseAsync(
        string leaseId, string holder, TimeSpan timeout, TimeSpan expiry, CancellationToken cancellationToken)
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

    public Task PreparePauseAsync(CancellationToken cancellationToken) =>
        calls.CallAsync(PeerMethods.PreparePause, new PausePoolerRequest { Pooler = pooler }, cancellationToken);

    public async Task<bool> ResumeAsync(string? leaseId, CancellationToken cancellationToken)
    {
        var request = new ResumePoolerRequest { Pooler = pooler, LeaseId = leaseId ?? "" };
        return (await calls.CallAsync(PeerMethods.Resume, request, cancellationToken).ConfigureAwait(false)).Resumed;
    }

    public async Task<bool> FinishAsync(string leaseId, CancellationToken cancellationToken)
    {
        var request = new ResumePoolerRequest { Pooler = pooler, LeaseId = leaseId, ForGood = true };
        return (await calls.CallAsync(PeerMethods.Resume, request, cancellationToken).ConfigureAwait(false)).Resumed;
    }

    public async Task<int> DropStraysAsync(PoolerTarget target, CancellationToken cancellationToken)
    {
        var request = new DropStraysRequest { Pooler = pooler, Host = target.Address.Host, Port = target.Address.Port };
        return (await calls.CallAsync(PeerMethods.DropStrays, request, cancellationToken).ConfigureAwait(false)).Dropped;
    }

    public Task ConfirmTargetAsync(PoolerTarget target, CancellationToken cancellationToken) => calls.CallAsync(
        PeerMethods.ConfirmTarget,
        new ConfirmTargetRequest { Pooler = pooler, Host = target.Address.Host, Port = target.Address.Port, InsteadOf = target.InsteadOf ?? "" },
        cancellationToken);
}
