using PgCluster.Engine.Configuration;
using PgCluster.Engine.Nodes;

namespace PgCluster.Engine.Synchronous;

/// <summary>How long each standby has been well, or away, as the leader's looks at its own server tell.</summary>
/// <remarks>Away: it does not stream, or it streams and has flushed nothing for <see cref="SynchronousPolicyRule.Settled"/> although there was WAL, or the observers miss it.</remarks>
internal sealed class StandbyWatch
{
    private readonly NodeConfig _self;
    private readonly ClusterConfig _config;
    private readonly Func<string, bool?> _isHealthy;
    private readonly Func<string, bool> _isSuspended;
    private readonly Func<string, bool> _isVoter;
    private readonly TimeProvider _time;
    private readonly Dictionary<string, Track> _tracks = new(StringComparer.Ordinal);

    /// <summary>Makes the watch of one leader.</summary>
    public StandbyWatch(NodeConfig self, ClusterConfig config, Func<string, bool?> isHealthy, Func<string, bool> isSuspended, Func<string, bool> isVoter, TimeProvider time)
    {
        _self = self;
        _config = config;
        _isHealthy = isHealthy;
        _isSuspended = isSuspended;
        _isVoter = isVoter;
        _time = time;
    }

    /// <summary>Forgets everything: another term begins, or the server comes back.</summary>
    public void Clear() => _tracks.Clear();

    /// <summary>One look.</summary>
    public IReadOnlyList<SynchronousStandby> Look(PostgresStatus server)
    {
        var now = _time.GetTimestamp();
        return [.. _config.Nodes.Where(n => n.Name != _self.Name).Select(n => Judge(n, server, now))];
    }

    private SynchronousStandby Judge(NodeConfig node, PostgresStatus server, long now)
    {
        if (!_tracks.TryGetValue(node.Name, out var track))
        {
            _tracks[node.Name] = track = new Track();
        }

        var flushed = server.Standbys.Where(s => s.Name == node.Name && s.State == "streaming").Max(s => s.FlushLsn);
        if (flushed != track.Flushed || flushed >= server.Lsn || track.MovedAt is null)
        {
            track.MovedAt = now;
        }

        track.Flushed = flushed;
        var stalled = _time.GetElapsedTime(track.MovedAt.Value, now) >= SynchronousPolicyRule.Settled;
        var isHere = flushed is not null && !stalled && _isHealthy(node.Name) != false;
        var isWell = isHere && server.Lsn is { } written && flushed!.Value.BytesBehind(written) <= _config.Synchronous.MaxLag;
        track.WasHere |= isHere;
        track.GoneSince = isHere ? null : track.GoneSince ?? (flushed is not null && stalled ? track.MovedAt : now);
        track.WellSince = isWell ? track.WellSince ?? now : null;
        return new SynchronousStandby(
            node.Name, node.FailureDomain, node.Weight, !node.NoFailover, Since(track.WellSince), Since(track.GoneSince),
            //// A new leader's standbys need a while to find it.
            track.WasHere ? _config.Agent.ProbeInterval * 2 : _config.Failover.FollowTimeout / 3)
        {
            IsSuspended = _isSuspended(node.Name),
            IsVoter = _isVoter(node.Name),
        };

        TimeSpan? Since(long? then) => then is { } t ? _time.GetElapsedTime(t, now) : null;
    }

    private sealed class Track
    {
        public Lsn? Flushed { get; set; }

        public long? MovedAt { get; set; }

        public long? WellSince { get; set; }

        public long? GoneSince { get; set; }

        public bool WasHere { get; set; }
    }
}
