using PgCluster.Adapters.Grpc;
using PgCluster.Engine.Configuration;
using PgCluster.Protos.Pgcm;

namespace PgCluster.Adapters.Peers;

/// <summary>
/// A pooler that pgsql-cluster-manager's agent keeps: it is paused and resumed, in whole seconds. That agent does not say how its pooler is, nor where it leads; a pause of its has no name, so that whoever resumes ends it.
/// </summary>
internal sealed class PgcmPoolerKeeper(string cluster, PoolerConfig pooler, PeerCalls calls, TimeProvider time)
{
    // Its proxy follows the key and reloads PgBouncer, and tells nobody when it has: clients that are let through before it would meet a server that is a primary no more.
    private static readonly TimeSpan HeadStart = TimeSpan.FromMilliseconds(500);

    public PoolerInfo Describe() => new()
    {
        Cluster = cluster,
        Name = pooler.Name,
        Host = pooler.Host,
        Port = pooler.Port,
        Node = pooler.Node.Length > 0 ? pooler.Node : null,
        Keeper = pooler.Keeper.ToString(),
        IsPgcm = true,
        State = PoolerState.Active,
        Evidence = "pgsql-cluster-manager's agent answers: Active, because it has no word for whether its pooler is paused, nor for where it leads",
    };

    public async Task<PgCluster.PauseLease> PauseAsync(string leaseId, string holder, TimeSpan timeout, TimeSpan expiry, CancellationToken cancellationToken)
    {
        var request = new PauseRequest { Timeout = PgcmMethods.Seconds(timeout), Expiry = PgcmMethods.Seconds(expiry) };
        try
        {
            var paused = await calls.CallPgcmAsync(PgcmMethods.Pause, request, cancellationToken).ConfigureAwait(false);
            return new PgCluster.PauseLease
            {
                Id = leaseId,
                Pooler = pooler.Name,
                Holder = holder,
                CreatedAt = paused.CreatedAt?.ToDateTimeOffset() ?? time.GetUtcNow(),
                ExpiresAt = paused.ExpiresAt?.ToDateTimeOffset() ?? time.GetUtcNow() + TimeSpan.FromSeconds(request.Expiry),
            };
        }
        catch (PgClusterException e) when (e.InnerException is GrpcException { StatusCode: GrpcStatusCode.DeadlineExceeded })
        {
            throw new PgClusterException(Reason.PauseTimeout, $"pgsql-cluster-manager's agent did not have {pooler.Name} paused in {request.Timeout} s", e) { Target = pooler.Name };
        }
    }

    public async Task<bool> ResumeAsync(CancellationToken cancellationToken)
    {
        await calls.CallPgcmAsync(PgcmMethods.Resume, new Empty(), cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>Gives its proxy the time that a reload takes; false, because nobody says whether it was enough.</summary>
    public async Task<bool> ConfirmTargetAsync(CancellationToken cancellationToken)
    {
        await Task.Delay(HeadStart, time, cancellationToken).ConfigureAwait(false);
        return false;
    }
}
