using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Switchover;

/// <summary>The compare-and-puts on the redirect; whoever comes second finds done what it wanted.</summary>
internal static class RedirectRecord
{
    /// <summary>Puts a redirect into force, announced or not.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.PlanStale"/> when another run's redirect stands there.</exception>
    public static async Task<long> ActivateAsync(IClusterStore store, Redirect redirect, CancellationToken cancellationToken)
    {
        var active = (redirect with { State = RedirectState.Active }).ToJson();
        while (true)
        {
            var entry = await store.GetAsync(StoreKeys.Redirect, cancellationToken).ConfigureAwait(false);
            if (entry?.Value == active)
            {
                return entry.ModRevision;
            }

            if (entry is not null && Redirect.FromJson(entry.Value)?.RunId != redirect.RunId)
            {
                throw new PgClusterException(
                    Reason.PlanStale, $"another switchover has announced where clients go: {StoreKeys.Redirect} is not run {redirect.RunId}'s");
            }

            await store.CommitAsync([Unchanged(entry)], [new StoreOperation.Put(StoreKeys.Redirect, active)], cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Takes a run's redirect away while it is in that state. False when it was gone, or was not that any more.</summary>
    public static async Task<bool> RemoveAsync(IClusterStore store, Guid runId, RedirectState state, CancellationToken cancellationToken)
    {
        while (true)
        {
            var entry = await store.GetAsync(StoreKeys.Redirect, cancellationToken).ConfigureAwait(false);
            if (entry is null || Redirect.FromJson(entry.Value) is not { } redirect || redirect.RunId != runId || redirect.State != state)
            {
                return false;
            }

            var commit = await store.CommitAsync([Unchanged(entry)], [new StoreOperation.Delete(StoreKeys.Redirect)], cancellationToken).ConfigureAwait(false);
            if (commit.Succeeded)
            {
                return true;
            }
        }
    }

    /// <summary>That the redirect is still as it was read.</summary>
    public static StoreCondition Unchanged(StoreEntry? entry) => entry is null
        ? new StoreCondition.Absent(StoreKeys.Redirect)
        : new StoreCondition.ModRevisionIs(StoreKeys.Redirect, entry.ModRevision);
}
