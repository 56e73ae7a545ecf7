using PgCluster.Engine.Store;

namespace PgCluster.Engine.Membership;

/// <summary>Notices that the cluster's nodes have changed, for whoever does not look at the store anyway.</summary>
public static class MemberWatch
{
    /// <summary>Returns when they are not those of <paramref name="membership"/> any more. A store that does not answer is asked again.</summary>
    /// <param name="store">The store.</param>
    /// <param name="membership">The nodes the caller works by.</param>
    /// <param name="interval">How often to look.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task WaitForChangeAsync(
        IClusterStore store, ClusterMembership membership, TimeSpan interval, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(membership);
        while (true)
        {
            try
            {
                if (!membership.IsCurrent(await Members.ReadAsync(store, cancellationToken).ConfigureAwait(false)))
                {
                    return;
                }
            }
            catch (PgClusterException)
            {
                // Whoever needs the store says so; the nodes stay what they are meanwhile.
            }

            await Task.Delay(interval, time, cancellationToken).ConfigureAwait(false);
        }
    }
}
