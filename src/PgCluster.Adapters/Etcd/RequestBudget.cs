using PgCluster.Adapters.Grpc;

namespace PgCluster.Adapters.Etcd;

/// <summary>The time one call of the store has, over all its tries on all members.</summary>
internal sealed class RequestBudget
{
    private readonly TimeProvider _time;
    private readonly TimeSpan _forTries;
    private readonly TimeSpan _firstTry;
    private readonly int _members;
    private readonly long _start;

    // Short, so that the first member to have a leader again is found while it is news.
    private readonly Backoff _backoff = new(TimeSpan.FromMilliseconds(100));
    private int _failures;

    public RequestBudget(TimeSpan forTries, TimeSpan firstTry, int members, TimeProvider time, CancellationToken caller)
    {
        _time = time;
        _forTries = forTries;
        _firstTry = firstTry;
        _members = members;
        _start = time.GetTimestamp();
        Caller = caller;
    }

    /// <summary>The caller's token.</summary>
    public CancellationToken Caller { get; }

    /// <summary>The last failure; null when there was none.</summary>
    public GrpcException? LastFailure { get; private set; }

    /// <summary>Failures in a row that certificates caused.</summary>
    public int CertificateRefusals { get; private set; }

    /// <summary>True when a write was sent and its answer never came.</summary>
    public bool WriteInDoubt { get; set; }

    /// <summary>True when a new token was asked for already, because the last one was refused.</summary>
    public bool TokenRefreshed { get; set; }

    /// <summary>
    /// How long the next try may take; not positive when the time is over. Doubles when every member had its turn: a store that is slow
    /// rather than dead would otherwise never get to answer.
    /// </summary>
    /// <param name="factor">How many times longer than others this call takes by its nature.</param>
    public TimeSpan NextTry(int factor = 1)
    {
        var left = _forTries - _time.GetElapsedTime(_start);
        var length = _firstTry * factor * Math.Pow(2, Math.Min(_failures / _members, 16));
        return length < left ? length : left;
    }

    /// <summary>Notes a failure and returns how long to wait before the next try: not at all while there are members that had no turn.</summary>
    public TimeSpan Failed(GrpcException failure)
    {
        LastFailure = failure;
        CertificateRefusals = EtcdErrors.IsCertificateRefusal(failure) ? CertificateRefusals + 1 : 0;
        return ++_failures % _members == 0 ? _backoff.Next() : TimeSpan.Zero;
    }
}
