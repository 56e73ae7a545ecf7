namespace PgCluster.Adapters.Switchover;

/// <summary>
/// Tells a replication worker that fails again and again from one that is busy with a large transaction or table: neither gets on for a long time, but the
/// failing one is away most of that time. Works on every version: how often a worker failed is counted by servers from 15 on only.
/// </summary>
/// <param name="time">The clock.</param>
internal sealed class ApplyWatch(TimeProvider time)
{
    /// <summary>How long it may not get on. Longer than a server that crashed needs to come up again.</summary>
    internal static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private string? _progress;
    private long _since = time.GetTimestamp();
    private int _looks;
    private int _away;

    /// <summary>Takes a look.</summary>
    /// <param name="progress">How far it is: confirmed_flush_lsn of its slot, or the states of the tables it copies.</param>
    /// <param name="working">True when the worker is there.</param>
    /// <returns>True when nothing is applied any more, and waiting longer is of no use.</returns>
    internal bool IsStuck(string progress, bool working)
    {
        if (progress != _progress)
        {
            (_progress, _since, _looks, _away) = (progress, time.GetTimestamp(), 0, 0);
        }

        _looks++;
        _away += working ? 0 : 1;
        return time.GetElapsedTime(_since) > Limit && _away * 2 > _looks;
    }
}
