using PgCluster.Engine.Store;

namespace PgCluster.Engine.Leadership;

/// <summary>
/// How long the leader has been silent, by this node's own clock: the time since it first saw the latest <see cref="LeaderBeat"/>. The leader counts from when it sent that beat, which was
/// earlier, and has stopped before its lease is over; so has a leader that is not heard of any more. What is here is proof only together with a transaction that fails if there has been another beat.
/// </summary>
public sealed class LeaderSilence
{
    private readonly TimeProvider _time;
    private readonly Lock _sync = new();
    private long _revision;
    private long _seenAt;

    /// <summary>Makes one that has seen nothing yet.</summary>
    public LeaderSilence(TimeProvider time)
    {
        _time = time;
    }

    /// <summary>Tells of a beat. Of two that come in the wrong order the later one counts.</summary>
    /// <param name="revision">Mod-revision of the key; 0 when it is absent.</param>
    public void Heard(long revision)
    {
        lock (_sync)
        {
            if (revision > _revision)
            {
                (_revision, _seenAt) = (revision, _time.GetTimestamp());
            }
        }
    }

    /// <summary>How long until <paramref name="leader"/> has been silent for its whole lease; null when that cannot be counted, and only the store can end the lease.</summary>
    /// <param name="leader">The leader.</param>
    /// <param name="last">What it said; it must have been read after <paramref name="leader"/>.</param>
    /// <param name="beat">Its beat as it was read, after <paramref name="leader"/>.</param>
    public TimeSpan? UntilOver(LeaderRecord leader, LastLeader? last, StoreEntry? beat) => Until(leader, last, beat, static t => t.TimeToLive);

    /// <summary>As <see cref="UntilOver"/>, until its guard has killed its server: from then on a vote takes nothing from it any more.</summary>
    public TimeSpan? UntilKilled(LeaderRecord leader, LastLeader? last, StoreEntry? beat) => Until(leader, last, beat, static t => t.KillAfter);

    /// <summary>As <see cref="UntilOver"/>, until it is suspected.</summary>
    public TimeSpan? UntilSuspected(LeaderRecord leader, LastLeader? last, StoreEntry? beat) => Until(leader, last, beat, static t => t.SuspectAfter);

    private TimeSpan? Until(LeaderRecord leader, LastLeader? last, StoreEntry? beat, Func<LeaderTiming, TimeSpan> length)
    {
        // Nothing stops the server of a leader that is not guarded, so its silence proves nothing.
        if (beat is null || LeaderBeat.FromJson(beat.Value) is not { } said || said.Term != leader.Term || last is not { Unguarded: false } || last.Term != leader.Term)
        {
            return null;
        }

        Heard(beat.ModRevision);
        lock (_sync)
        {
            // A later beat than the one that was read has been heard of: the leader lives.
            var since = beat.ModRevision == _revision ? _time.GetElapsedTime(_seenAt) : TimeSpan.Zero;
            var left = length(new LeaderTiming(TimeSpan.FromSeconds(said.TtlSeconds))) - since;
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }
}
