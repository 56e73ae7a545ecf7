namespace PgCluster.Adapters.Etcd;

/// <summary>Pauses between tries: from 10 ms, doubling up to a limit, each shortened by chance so that many clients do not come back at once.</summary>
internal sealed class Backoff(TimeSpan longest, Func<double>? chance = null)
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(10);
    private readonly Func<double> _chance = chance ?? Random.Shared.NextDouble;
    private TimeSpan _next = Shortest;

    /// <summary>The next pause: between half and all of the step.</summary>
    public TimeSpan Next()
    {
        var step = _next;
        _next = step * 2 > longest ? longest : step * 2;
        return step * (0.5 + (_chance() / 2));
    }

    /// <summary>Begins again with the shortest pause.</summary>
    public void Reset() => _next = Shortest;
}
