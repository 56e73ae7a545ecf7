using PgCluster.Adapters.Grpc;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Agent.Services;

/// <summary>Our own failover under the client's lock. It also pauses the application hosts' poolers, which that client does not know, and leaves nothing behind.</summary>
internal sealed class FailoverMigration(ClusterConfig config, IClusterStore store, FailoverFlow failover) : IPgcmMigration
{
    public async Task<(string Node, string Address)> MigrateAsync(string actor, CancellationToken cancellationToken)
    {
        try
        {
            var held = await store.GetLockAsync(new StoreKeys(config.Etcd.PrimaryKey).Lock, cancellationToken).ConfigureAwait(false)
                ?? throw new PgClusterException(Reason.LockLost, "nobody holds the cluster's lock: take it first");
            var asked = new FailoverRequest { HeldLockKey = held.Key, Actor = actor, Why = "asked for by pgcm" };
            var assessment = await failover.AssessAsync(asked, cancellationToken).ConfigureAwait(false);
            if (assessment.Refusal is { } refusal)
            {
                // That client looks for a synchronous standby first: that there is none comes before whatever else is wrong.
                throw assessment.Plan.Checks.Any(c => c.Status == CheckStatus.Failed && IsWithoutStandby(c.Reason)) ? WithoutStandby(refusal) : refusal;
            }

            var report = await failover.RunAsync(assessment.Plan, asked, null, cancellationToken).ConfigureAwait(false);
            if (report.ErrorReason is { } reason)
            {
                throw new PgClusterException(reason, report.Error!);
            }
        }
        catch (PgClusterException e) when (IsWithoutStandby(e.Reason))
        {
            throw WithoutStandby(e);
        }
        catch (PgClusterException e)
        {
            throw new GrpcException(GrpcStatusCode.Unknown, $"failed to migrate: {e.Message}", e);
        }

        var published = await store.GetAsync(config.Etcd.PrimaryKey, cancellationToken).ConfigureAwait(false);
        var node = PrimaryAddress.TryParse(published?.Value, out var address)
            ? config.Nodes.FirstOrDefault(n => n.Host == address.Host && n.Port == address.Port)
            : null;
        return (node?.Name ?? "", published?.Value ?? "");
    }

    public Task UnmigrateAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private static bool IsWithoutStandby(Reason reason) => reason is Reason.NoEligibleCandidate or Reason.TargetNotEligible;

    private static GrpcException WithoutStandby(PgClusterException cause) => new(GrpcStatusCode.NotFound, "failed to find sync node", cause);
}
