namespace PgCluster.Adapters.Switchover;

/// <summary>
/// Tells an apply worker that fails again and again from one that is busy with a large transaction: neither confirms anything for a long time, but the
/// failing one is away from its slot most of that time. Works on every version: how often a worker failed is counted by servers from 15 on only.
/// </summary>
/// <param name="time">The clock.</param>
internal sealed class ApplyWatch(TimeProvider time)
{
    /// <summary>How long nothing may be confirmed. Longer than a server that crashed needs to come up again.</summary>
    internal static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private string? _confirmed;
    private long _since = time.GetTimestamp();
    private int _looks;
    private int _away;

    /// <summary>Takes a look at the slot.</summary>
    /// <param name="confirmed">confirmed_flush_lsn.</param>
    /// <param name="active">True when a worker holds the slot.</param>
    /// <returns>True when nothing is applied any more, and waiting longer is of no use.</returns>
    internal bool IsStuck(string? confirmed, bool active)
    {
        if (confirmed != _confirmed)
        {
            (_confirmed, _since, _looks, _away) = (confirmed, time.GetTimestamp(), 0, 0);
        }

        _looks++;
        _away += active ? 0 : 1;
        return time.GetElapsedTime(_since) > Limit && _away * 2 > _looks;
    }
}
