namespace PgCluster.Engine.Health;

/// <summary>
/// One observer's own view of one node. <see cref="Threshold"/> looks in a row have to find it well before it counts as healthy; a single one that does not
/// ends that, so that nothing is routed to a node that comes and goes. Safe for any number of threads.
/// </summary>
/// <param name="node">The node's name.</param>
/// <param name="time">The clock whose timestamps the looks carry.</param>
public sealed class NodeHealthTracker(string node, TimeProvider time)
{
    /// <summary>Looks in a row that have to find a node well.</summary>
    public const int Threshold = 3;

    private readonly Lock _sync = new();
    private NodeProbe? _last;
    private long? _lastSuccess;
    private int _inRow;
    private bool _failed;

    /// <summary>The last look; null before the first.</summary>
    public NodeProbe? Last
    {
        get
        {
            lock (_sync)
            {
                return _last;
            }
        }
    }

    /// <summary>Healthy, Unhealthy since a look failed, or Unknown before there were enough.</summary>
    public HealthState State
    {
        get
        {
            lock (_sync)
            {
                return _inRow >= Threshold ? HealthState.Healthy : _failed ? HealthState.Unhealthy : HealthState.Unknown;
            }
        }
    }

    /// <summary>Takes in a look.</summary>
    public void Record(NodeProbe probe)
    {
        lock (_sync)
        {
            _last = probe;
            if (probe.Success)
            {
                _inRow = Math.Min(_inRow + 1, Threshold);
                _lastSuccess = probe.StartedAt;
            }
            else
            {
                _inRow = 0;
                _failed = true;
            }
        }
    }

    /// <summary>What this observer has to say of the node now; null before the first look.</summary>
    public HealthVote? Vote()
    {
        lock (_sync)
        {
            // Ages count from the beginning of a look: what it found may have been over by its end.
            return _last is not { } last ? null : new HealthVote(
                node,
                time.GetElapsedTime(last.StartedAt).TotalMilliseconds,
                _lastSuccess is { } at ? time.GetElapsedTime(at).TotalMilliseconds : null,
                _inRow >= Threshold,
                last.Report is not null,
                last.PostgresAnswers,
                last.Latency.TotalMilliseconds,
                last.Detail);
        }
    }
}
