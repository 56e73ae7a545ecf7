using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Failover;

/// <summary>The compare-and-put on the operation's decision: whoever comes first decides, everybody else learns what was decided.</summary>
public static class DecisionLog
{
    /// <summary>
    /// Decides operation <paramref name="id"/> unless that was done, and returns the decision that stands. Reads before it writes, so an answer that was
    /// lost on the way is found again by asking once more.
    /// </summary>
    /// <param name="store">The store.</param>
    /// <param name="id">The operation.</param>
    /// <param name="state">The decision wanted.</param>
    /// <param name="timeline">Timeline to record; 0 to keep the one there.</param>
    /// <param name="conditions">What must hold besides, for example that the lock is still the caller's.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="PgClusterException">
    /// <see cref="Reason.PlanStale"/> when another operation has begun since; <see cref="Reason.LockLost"/> when a condition did not hold.
    /// </exception>
    public static async Task<OperationDecision> DecideAsync(
        IClusterStore store, string id, DecisionState state, int timeline, IReadOnlyList<StoreCondition> conditions, CancellationToken cancellationToken)
    {
        while (true)
        {
            var entry = await store.GetAsync(StoreKeys.Operation, cancellationToken).ConfigureAwait(false);
            if (OperationDecision.FromJson(entry?.Value) is not { } current || current.Id != id)
            {
                throw new PgClusterException(Reason.PlanStale, $"operation {id} is no longer the cluster's current one");
            }

            if (current.State != DecisionState.Running)
            {
                return current;
            }

            var decided = current with { State = state, Timeline = timeline };
            var commit = await store.CommitAsync(
                [new StoreCondition.ModRevisionIs(StoreKeys.Operation, entry!.ModRevision), .. conditions],
                [new StoreOperation.Put(StoreKeys.Operation, decided.ToJson())],
                cancellationToken).ConfigureAwait(false);
            if (commit.Succeeded)
            {
                return decided;
            }

            var now = await store.GetAsync(StoreKeys.Operation, cancellationToken).ConfigureAwait(false);
            if (now?.ModRevision == entry.ModRevision)
            {
                throw new PgClusterException(Reason.LockLost, $"operation {id} may not be decided by this caller any more: the lock is not its own");
            }
        }
    }
}
