namespace PgCluster.Engine.Health;

/// <summary>
/// Counts errors for each node and kind within a sliding window. A node with as many as the threshold is avoided until they have left the window. Keeps at most
/// that many moments a node and kind. Safe for any number of threads.
/// </summary>
public sealed class CircuitBreaker
{
    private readonly TimeSpan _window;
    private readonly int _threshold;
    private readonly TimeProvider _time;
    private readonly CancellationToken _stopped;
    private readonly Lock _sync = new();
    private readonly Dictionary<(string Node, NodeErrorKind Kind), Queue<long>> _errors = [];

    /// <summary>Makes a breaker that has seen nothing.</summary>
    /// <param name="window">How long an error counts.</param>
    /// <param name="threshold">How many open it.</param>
    /// <param name="time">The clock.</param>
    /// <param name="stopped">Once cancelled, errors are ignored and no node is avoided any more.</param>
    public CircuitBreaker(TimeSpan window, int threshold, TimeProvider time, CancellationToken stopped = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(window, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(threshold, 1);
        _window = window;
        _threshold = threshold;
        _time = time;
        _stopped = stopped;
    }

    /// <summary>An error happened now.</summary>
    public void Record(string node, NodeErrorKind kind)
    {
        if (_stopped.IsCancellationRequested)
        {
            return;
        }

        lock (_sync)
        {
            var key = (node, kind);
            if (!_errors.TryGetValue(key, out var moments))
            {
                _errors.Add(key, moments = new Queue<long>(_threshold));
            }

            // Only the newest matter: when they are all within the window it is open, whatever came before them.
            if (moments.Count == _threshold)
            {
                moments.Dequeue();
            }

            moments.Enqueue(_time.GetTimestamp());
        }
    }

    /// <summary>Errors of that kind that have not left the window, at most the threshold.</summary>
    public int Count(string node, NodeErrorKind kind)
    {
        if (_stopped.IsCancellationRequested)
        {
            return 0;
        }

        lock (_sync)
        {
            if (!_errors.TryGetValue((node, kind), out var moments))
            {
                return 0;
            }

            while (moments.TryPeek(out var oldest) && _time.GetElapsedTime(oldest) >= _window)
            {
                moments.Dequeue();
            }

            return moments.Count;
        }
    }

    /// <summary>True when errors of that kind have reached the threshold.</summary>
    public bool IsOpen(string node, NodeErrorKind kind) => Count(node, kind) >= _threshold;

    /// <summary>True when errors of any kind have.</summary>
    public bool IsOpen(string node) => IsOpen(node, NodeErrorKind.Read) || IsOpen(node, NodeErrorKind.Write);
}
