using Google.Protobuf.WellKnownTypes;
using PgCluster.Adapters.Grpc;
using PgCluster.Adapters.Peers;
using PgCluster.Agent.Grpc;
using PgCluster.Protos.Pgcm;

namespace PgCluster.Agent.Services;

/// <summary>
/// pgsql-cluster-manager's own service, so that an existing <c>pgcm failover</c> drives a cluster of ours: its client takes the lock in etcd, pauses the
/// nodes' poolers, asks one agent to migrate, waits for the key, asks one to unmigrate, and resumes.
/// </summary>
internal sealed class PgcmFailoverService(IReadOnlyList<KeptPooler> poolers, IPgcmMigration migration, TimeProvider time)
{
    // One pause for all of that client's calls: it has no token of its own to tell us.
    private const string LeaseId = "pgcm";

    public void Map(GrpcServiceMap map) => map
        .MapUnary(PgcmMethods.HealthCheck, (_, _) =>
            Task.FromResult(new HealthCheckResponse { Status = HealthCheckResponse.Types.Status.Healthy }))
        .MapUnary(PgcmMethods.Pause, PauseAsync)
        .MapUnary(PgcmMethods.Resume, ResumeAsync)
        .MapUnary(PgcmMethods.Migrate, MigrateAsync)
        .MapUnary(PgcmMethods.Unmigrate, UnmigrateAsync);

    private Timestamp Now() => Timestamp.FromDateTimeOffset(time.GetUtcNow());

    private async Task<PauseResponse> PauseAsync(PauseRequest request, GrpcServerContext call)
    {
        var created = time.GetUtcNow();
        var expiry = TimeSpan.FromSeconds(request.Expiry);
        try
        {
            await Task.WhenAll(poolers.Select(p => p.Keeper.PauseLegacyAsync(
                LeaseId, $"pgcm at {call.Peer}", TimeSpan.FromSeconds(request.Timeout), expiry, call.CancellationToken))).ConfigureAwait(false);
        }
        catch (PgClusterException e) when (e.Reason == Reason.PauseTimeout)
        {
            throw new GrpcException(GrpcStatusCode.DeadlineExceeded, "exceeded pause timeout", e);
        }
        catch (PgClusterException e)
        {
            throw new GrpcException(GrpcStatusCode.Unknown, $"failed to pause pgbouncer: {e.Message}", e);
        }

        return new PauseResponse { CreatedAt = Timestamp.FromDateTimeOffset(created), ExpiresAt = Timestamp.FromDateTimeOffset(created + expiry) };
    }

    private async Task<ResumeResponse> ResumeAsync(Protos.Pgcm.Empty request, GrpcServerContext call)
    {
        try
        {
            await Task.WhenAll(poolers.Select(p => p.Keeper.ResumeAsync(null, call.CancellationToken))).ConfigureAwait(false);
        }
        catch (PgClusterException e)
        {
            throw new GrpcException(GrpcStatusCode.Unknown, $"failed to resume pgbouncer: {e.Message}", e);
        }

        return new ResumeResponse { CreatedAt = Now() };
    }

    private async Task<MigrateResponse> MigrateAsync(Protos.Pgcm.Empty request, GrpcServerContext call)
    {
        var (node, address) = await migration.MigrateAsync($"pgcm at {call.Peer}", call.CancellationToken).ConfigureAwait(false);
        return new MigrateResponse { MigratingTo = node, Address = address, CreatedAt = Now() };
    }

    private async Task<UnmigrateResponse> UnmigrateAsync(Protos.Pgcm.Empty request, GrpcServerContext call)
    {
        await migration.UnmigrateAsync(call.CancellationToken).ConfigureAwait(false);
        return new UnmigrateResponse { CreatedAt = Now() };
    }
}
