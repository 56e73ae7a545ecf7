using Google.Protobuf.WellKnownTypes;
using PgCluster.Adapters.Grpc;
using PgCluster.Agent.Grpc;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;
using PgCluster.Protos.Pgcm;

namespace PgCluster.Agent.Services;

/// <summary>
/// pgsql-cluster-manager's own service, so that an existing <c>pgcm failover</c> drives a cluster of ours: its client takes the lock in etcd, pauses the
/// nodes' poolers, asks one agent to migrate, waits for the key, and resumes. Migrate is our failover under the client's lock; it also pauses the
/// application hosts' poolers, which that client does not know.
/// </summary>
internal sealed class PgcmFailoverService(
    ClusterConfig config, IReadOnlyList<KeptPooler> poolers, IClusterStore store, FailoverFlow failover, TimeProvider time)
{
    private const string Name = "failover.Failover";

    // One pause for all of that client's calls: it has no token of its own to tell us.
    private const string LeaseId = "pgcm";

    public void Map(GrpcServiceMap map) => map
        .MapUnary(new GrpcMethod<Protos.Pgcm.Empty, HealthCheckResponse>(Name, "health_check"), (_, _) =>
            Task.FromResult(new HealthCheckResponse { Status = HealthCheckResponse.Types.Status.Healthy }))
        .MapUnary(new GrpcMethod<PauseRequest, PauseResponse>(Name, "pause"), PauseAsync)
        .MapUnary(new GrpcMethod<Protos.Pgcm.Empty, ResumeResponse>(Name, "resume"), ResumeAsync)
        .MapUnary(new GrpcMethod<Protos.Pgcm.Empty, MigrateResponse>(Name, "migrate"), MigrateAsync)
        .MapUnary(new GrpcMethod<Protos.Pgcm.Empty, UnmigrateResponse>(Name, "unmigrate"), (_, _) =>
            Task.FromResult(new UnmigrateResponse { CreatedAt = Now() }));

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
        try
        {
            var held = await store.GetLockAsync(new StoreKeys(config.Etcd.PrimaryKey).Lock, call.CancellationToken).ConfigureAwait(false)
                ?? throw new PgClusterException(Reason.LockLost, "nobody holds the cluster's lock: take it first");
            var asked = new FailoverRequest { HeldLockKey = held.Key, Actor = $"pgcm at {call.Peer}", Why = "asked for by pgcm" };
            var assessment = await failover.AssessAsync(asked, call.CancellationToken).ConfigureAwait(false);
            if (assessment.Refusal is { } refusal)
            {
                throw refusal;
            }

            var report = await failover.RunAsync(assessment.Plan, asked, null, call.CancellationToken).ConfigureAwait(false);
            if (report.ErrorReason is { } reason)
            {
                throw new PgClusterException(reason, report.Error!);
            }
        }
        catch (PgClusterException e) when (e.Reason is Reason.NoEligibleCandidate or Reason.TargetNotEligible)
        {
            throw new GrpcException(GrpcStatusCode.NotFound, "failed to find sync node", e);
        }
        catch (PgClusterException e)
        {
            throw new GrpcException(GrpcStatusCode.Unknown, $"failed to migrate: {e.Message}", e);
        }

        var published = await store.GetAsync(config.Etcd.PrimaryKey, call.CancellationToken).ConfigureAwait(false);
        var node = PrimaryAddress.TryParse(published?.Value, out var address)
            ? config.Nodes.FirstOrDefault(n => n.Host == address.Host && n.Port == address.Port)
            : null;
        return new MigrateResponse { MigratingTo = node?.Name ?? "", Address = published?.Value ?? "", CreatedAt = Now() };
    }
}
