using System.Globalization;
using PgCluster.Engine.Switchover;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Pooling;

/// <summary>What the store says about where poolers are to lead.</summary>
/// <param name="Revision">The store's revision as of which it says so.</param>
/// <param name="Target">Where to; null when it cannot be told, and then the pooler keeps what it leads to.</param>
/// <param name="Announced">The redirect that is announced and not in force; null when none is.</param>
/// <param name="Problem">Why there is no target; null when there is one.</param>
public sealed record WantedTarget(long Revision, PoolerTarget? Target, Redirect? Announced = null, string? Problem = null)
{
    /// <summary>
    /// The active redirect, else the primary. A redirect that cannot be read is not taken for none: clients would go back to a database they left.
    /// </summary>
    public static WantedTarget Decide(KeyedValue primary, KeyedValue redirect)
    {
        var revision = Math.Max(primary.Revision, redirect.Revision);
        var read = Redirect.FromJson(redirect.Value);
        if (redirect.Value is not null && read is null)
        {
            return new WantedTarget(
                revision, null, null, string.Create(CultureInfo.InvariantCulture, $"revision {redirect.Revision} has a redirect that cannot be read"));
        }

        if (read is { State: RedirectState.Active })
        {
            return new WantedTarget(revision, read.Target);
        }

        return PrimaryAddress.TryParse(primary.Value, out var address)
            ? new WantedTarget(revision, new PoolerTarget(address), read)
            : new WantedTarget(revision, null, read, string.Create(
                CultureInfo.InvariantCulture,
                $"revision {primary.Revision} publishes no primary: {(primary.Value is null ? "absent" : $"'{primary.Value}'")}"));
    }
}
