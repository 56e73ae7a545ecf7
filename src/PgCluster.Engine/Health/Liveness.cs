namespace PgCluster.Engine.Health;

/// <summary>
/// Whether a node counts as online, with hysteresis: the observers' verdict has to hold without a break before it changes anything, so that a slow node does not take roles along with
/// every stumble. No verdict changes nothing, and breaks what had held.
/// </summary>
/// <param name="IsOnline">What the node counts as.</param>
/// <param name="ContrarySince">Since when the verdict has been the other one without a break, by the caller's monotonic clock; null while it is not.</param>
public sealed record Liveness(bool IsOnline, TimeSpan? ContrarySince = null)
{
    /// <summary>Takes in a verdict.</summary>
    /// <param name="verdict">What the observers agree on.</param>
    /// <param name="now">The caller's monotonic clock.</param>
    /// <param name="downAfter">How long a node has to be unhealthy until it is offline.</param>
    /// <param name="upAfter">How long one that was offline has to be healthy until it is online.</param>
    public Liveness Next(HealthState verdict, TimeSpan now, TimeSpan downAfter, TimeSpan upAfter)
    {
        if (verdict == HealthState.Unknown || (verdict == HealthState.Healthy) == IsOnline)
        {
            return this with { ContrarySince = null };
        }

        var since = ContrarySince ?? now;
        return now - since >= (IsOnline ? downAfter : upAfter) ? new Liveness(!IsOnline) : this with { ContrarySince = since };
    }
}
