namespace PgCluster.Engine.Measurement;

/// <summary>
/// The account of a set of writers: what each one tried, what was acknowledged and when, and, once the table is read back, what became of it. Each
/// writer numbers its commits from 1 and has at most one in flight, so memory grows with the errors and not with the commits. Safe for writers on
/// any number of threads.
/// </summary>
public sealed class WriteLedger
{
    /// <summary>A writer that is without an acknowledgement for this much longer than the gap lasted was not served when others were: it hung.</summary>
    public static readonly TimeSpan HangAfterGap = TimeSpan.FromSeconds(10);

    // A message may have a number in it that is another one each time.
    private const int MostTexts = 20;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, (long Count, long First, long Last)> _texts = [];
    private readonly TimeProvider _time;
    private readonly Writer[] _writers;

    private long _began;
    private long _lastAcknowledged;
    private long _longestGap;
    private long _longestCommit;
    private long _commits;
    private long _errors;
    private long _reconnects;
    private bool _measuring;
    private double _seconds;
    private Verification? _verification;

    /// <summary>Opens the account.</summary>
    /// <param name="writers">How many writers; they are numbered from 0.</param>
    /// <param name="time">The clock of every interval.</param>
    public WriteLedger(int writers, TimeProvider time)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(writers, 1);
        _time = time;
        _writers = [.. Enumerable.Range(0, writers).Select(_ => new Writer())];
    }

    /// <summary>Starts the timeline: gaps, the longest commit and the duration count from now on.</summary>
    public void Begin()
    {
        lock (_gate)
        {
            _began = _lastAcknowledged = _time.GetTimestamp();
            _measuring = true;
        }
    }

    /// <summary>A writer is about to send a commit.</summary>
    /// <returns>The commit's number.</returns>
    public long Send(int writer)
    {
        var own = _writers[writer];
        own.SentAt = _time.GetTimestamp();
        own.WaitingSince ??= own.SentAt;
        return ++own.Sent;
    }

    /// <summary>The commit that the writer sent last was acknowledged.</summary>
    public void Acknowledge(int writer)
    {
        var own = _writers[writer];
        lock (_gate)
        {
            // Read inside the lock: else two acknowledgements could change places and the time between them would be lost.
            var now = _time.GetTimestamp();
            own.Settled = own.Sent;
            _commits++;
            if (!_measuring)
            {
                own.WaitingSince = null;
                return;
            }

            _longestGap = Math.Max(_longestGap, now - _lastAcknowledged);
            _longestCommit = Math.Max(_longestCommit, now - Math.Max(own.SentAt, _began));
            _lastAcknowledged = now;
            own.EndWait(now);
        }
    }

    /// <summary>The commit that the writer sent last ended in an error: whether it is in the database shows when the table is read back.</summary>
    public void Fail(int writer, string error)
    {
        var own = _writers[writer];
        lock (_gate)
        {
            own.Settled = own.Sent;
            own.Ambiguous.Add(own.Sent);
            NoteError_NeedsLock(error);
        }
    }

    /// <summary>A writer could not connect.</summary>
    public void FailConnect(string error)
    {
        lock (_gate)
        {
            NoteError_NeedsLock(error);
        }
    }

    /// <summary>A writer has a connection again.</summary>
    public void Reconnect() => Interlocked.Increment(ref _reconnects);

    /// <summary>
    /// Ends the timeline. An acknowledgement that came after <paramref name="stopAskedAt"/> has closed the last gap already; without one the gap
    /// lasts until then, or until now when a commit is still in flight.
    /// </summary>
    /// <param name="stopAskedAt">The clock's timestamp when the writers were asked to stop.</param>
    public void End(long stopAskedAt)
    {
        lock (_gate)
        {
            if (!_measuring)
            {
                return;
            }

            var end = _writers.Any(w => w.Settled < w.Sent) ? _time.GetTimestamp() : stopAskedAt;
            _longestGap = Math.Max(_longestGap, end - _lastAcknowledged);
            foreach (var writer in _writers)
            {
                writer.EndWait(end);
            }

            _seconds = _time.GetElapsedTime(_began, stopAskedAt).TotalSeconds;
            _measuring = false;
        }
    }

    /// <summary>Begins to compare with the table, anew when reading it failed half way. The writers must have ended.</summary>
    public void BeginVerification()
    {
        // A commit that is neither acknowledged nor failed would be taken for an acknowledged one.
        if (_writers.Any(w => w.Settled < w.Sent))
        {
            throw new InvalidOperationException("a commit is still in flight");
        }

        _verification = new Verification(_writers.Select(w => w.Sent));
    }

    /// <summary>A row of the table.</summary>
    public void Verify(int writer, long number)
    {
        var verification = _verification ?? throw new InvalidOperationException("the verification has not begun");
        if (writer < 0 || writer >= _writers.Length || number < 1 || number > _writers[writer].Sent)
        {
            throw new PgClusterException(Reason.Internal, $"the table holds a row that no writer sent: writer {writer}, number {number}");
        }

        verification.Add(writer, number);
    }

    /// <summary>What the writers saw, and what the table says about it.</summary>
    public WriteGapReport ToReport()
    {
        var verification = _verification ?? throw new InvalidOperationException("the table was not read back");
        lock (_gate)
        {
            long lost = 0;
            long ambiguous = 0;
            for (var i = 0; i < _writers.Length; i++)
            {
                var uncertain = _writers[i].Ambiguous;
                var there = uncertain.Count(n => verification.Has(i, n));
                ambiguous += there;
                lost += _writers[i].Sent - uncertain.Count - (verification.Present(i) - there);
            }

            return new WriteGapReport
            {
                Writers = _writers.Length,
                Commits = _commits,
                WriteGapMs = Milliseconds(_longestGap),
                LongestCommitMs = Milliseconds(_longestCommit),
                HungWriters = _writers.Count(w => w.LongestWait > _longestGap + (HangAfterGap.TotalSeconds * _time.TimestampFrequency)),
                ClientErrors = _errors,
                Reconnects = _reconnects,
                LostCommits = lost,
                DoubledCommits = verification.Doubled,
                AmbiguousCommits = ambiguous,
                DurationSeconds = _seconds,
                Errors =
                [
                    .. _texts.OrderBy(t => t.Value.First).Select(t => new WriteError(
                        t.Key, t.Value.Count, _time.GetElapsedTime(_began, t.Value.First).TotalSeconds, _time.GetElapsedTime(_began, t.Value.Last).TotalSeconds)),
                ],
            };
        }
    }

    private double Milliseconds(long ticks) => ticks * 1000.0 / _time.TimestampFrequency;

    private void NoteError_NeedsLock(string error)
    {
        _errors++;
        var now = _time.GetTimestamp();
        var text = _texts.Count < MostTexts || _texts.ContainsKey(error) ? error : "others";
        var (count, first, _) = _texts.GetValueOrDefault(text, (0, now, now));
        _texts[text] = (count + 1, first, now);
    }

    private sealed class Writer
    {
        public long Sent { get; set; }

        public long Settled { get; set; }

        public long SentAt { get; set; }

        /// <summary>When the commit was first sent that it waits for, failed attempts included; null while it rests.</summary>
        public long? WaitingSince { get; set; }

        public long LongestWait { get; private set; }

        public List<long> Ambiguous { get; } = [];

        public void EndWait(long now)
        {
            LongestWait = Math.Max(LongestWait, now - (WaitingSince ?? now));
            WaitingSince = null;
        }
    }

    /// <summary>One bit a commit, and the few that are there more than once.</summary>
    private sealed class Verification(IEnumerable<long> sent)
    {
        private readonly ulong[][] _seen = [.. sent.Select(n => new ulong[(n / 64) + 1])];
        private readonly HashSet<(int Writer, long Number)> _doubled = [];

        public long Doubled => _doubled.Count;

        public void Add(int writer, long number)
        {
            ref var word = ref _seen[writer][number / 64];
            var bit = 1UL << (int)(number % 64);
            if ((word & bit) != 0)
            {
                _doubled.Add((writer, number));
            }

            word |= bit;
        }

        public bool Has(int writer, long number) => (_seen[writer][number / 64] & (1UL << (int)(number % 64))) != 0;

        public long Present(int writer) => _seen[writer].Sum(word => (long)System.Numerics.BitOperations.PopCount(word));
    }
}
