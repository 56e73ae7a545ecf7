using PgCluster.Engine.Measurement;
using PgCluster.Tests.Unit.Support;

namespace PgCluster.Tests.Unit.Measurement;

public sealed class WriteLedgerTests
{
    private readonly FakeTimeProvider _clock = new();

    [Fact]
    public void Gap_is_the_longest_time_in_which_no_writer_was_acknowledged()
    {
        var ledger = new WriteLedger(2, _clock);
        ledger.Begin();
        Commit(ledger, 0, 10);
        ledger.Send(0);
        Commit(ledger, 1, 40);
        _clock.Advance(TimeSpan.FromMilliseconds(30));
        ledger.Acknowledge(0);
        Commit(ledger, 1, 5);

        var report = Close(ledger);

        Assert.Equal(40, report.WriteGapMs);
        Assert.Equal(70, report.LongestCommitMs);
        Assert.Equal(4, report.Commits);
    }

    [Fact]
    public void Gap_counts_from_the_beginning_to_the_first_acknowledgement()
    {
        var ledger = new WriteLedger(1, _clock);
        Commit(ledger, 0, 500);
        ledger.Begin();
        Commit(ledger, 0, 30);
        Commit(ledger, 0, 10);

        var report = Close(ledger);

        Assert.Equal(30, report.WriteGapMs);
        Assert.Equal(30, report.LongestCommitMs);
        Assert.Equal(2 + 1, report.Commits);
    }

    [Fact]
    public void Commit_sent_before_the_beginning_is_measured_from_the_beginning()
    {
        var ledger = new WriteLedger(1, _clock);
        ledger.Send(0);
        _clock.Advance(TimeSpan.FromMilliseconds(100));
        ledger.Begin();
        _clock.Advance(TimeSpan.FromMilliseconds(20));
        ledger.Acknowledge(0);

        Assert.Equal(20, Close(ledger).LongestCommitMs);
    }

    [Fact]
    public void Gap_that_nothing_ended_lasts_until_the_stop()
    {
        var ledger = new WriteLedger(1, _clock);
        ledger.Begin();
        Commit(ledger, 0, 10);
        _clock.Advance(TimeSpan.FromMilliseconds(250));
        var stop = _clock.GetTimestamp();
        _clock.Advance(TimeSpan.FromMilliseconds(1000));

        var report = Close(ledger, stop);

        Assert.Equal(250, report.WriteGapMs);
        Assert.Equal(0.26, report.DurationSeconds, 6);
    }

    [Fact]
    public void Gap_with_a_commit_that_never_ended_lasts_until_the_writers_are_given_up_on()
    {
        var ledger = new WriteLedger(1, _clock);
        ledger.Begin();
        Commit(ledger, 0, 10);
        ledger.Send(0);
        _clock.Advance(TimeSpan.FromMilliseconds(250));
        var stop = _clock.GetTimestamp();
        _clock.Advance(TimeSpan.FromMilliseconds(1000));
        ledger.End(stop);
        ledger.Fail(0, "given up on");
        ledger.BeginVerification();
        ledger.Verify(0, 1);

        Assert.Equal(1250, ledger.ToReport().WriteGapMs);
    }

    [Fact]
    public void Acknowledgement_after_the_stop_ends_the_gap()
    {
        var ledger = new WriteLedger(1, _clock);
        ledger.Begin();
        ledger.Send(0);
        _clock.Advance(TimeSpan.FromMilliseconds(50));
        var stop = _clock.GetTimestamp();
        _clock.Advance(TimeSpan.FromMilliseconds(25));
        ledger.Acknowledge(0);
        _clock.Advance(TimeSpan.FromMilliseconds(1000));

        Assert.Equal(75, Close(ledger, stop).WriteGapMs);
    }

    [Theory]
    [InlineData(15.0, 0)]
    [InlineData(15.1, 1)]
    public void Writer_hung_when_it_waited_ten_seconds_longer_than_the_gap(double seconds, int hung)
    {
        var ledger = new WriteLedger(2, _clock);
        ledger.Begin();
        ledger.Send(0);
        Commit(ledger, 1, 5000);
        ServeOther(ledger, seconds - 5);
        ledger.Acknowledge(0);

        var report = Close(ledger);

        Assert.Equal((5000, hung), (report.WriteGapMs, report.HungWriters));
    }

    [Fact]
    public void Writer_that_never_comes_back_hung()
    {
        var ledger = new WriteLedger(2, _clock);
        ledger.Begin();
        Commit(ledger, 0, 10);
        ledger.Send(0);
        ledger.Fail(0, "broken");
        ledger.FailConnect("refused");
        ServeOther(ledger, 10.2);

        Assert.Equal(1, Close(ledger).HungWriters);
    }

    [Fact]
    public void Writer_that_rests_does_not_hang()
    {
        var ledger = new WriteLedger(2, _clock);
        ledger.Begin();
        Commit(ledger, 0, 10);
        ServeOther(ledger, 60);
        Commit(ledger, 0, 10);

        Assert.Equal(0, Close(ledger).HungWriters);
    }

    [Fact]
    public void Every_acknowledged_commit_there_once_is_nothing_lost_and_nothing_doubled()
    {
        var ledger = WithCommits(writers: 3, each: 200);

        var report = Read(ledger, Rows(3, 200));

        Assert.Equal((0, 0, 0), (report.LostCommits, report.DoubledCommits, report.AmbiguousCommits));
        Assert.Equal(600, report.Commits);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(200)]
    public void Acknowledged_commit_that_is_missing_is_lost(long number)
    {
        var ledger = WithCommits(writers: 2, each: 200);

        var report = Read(ledger, Rows(2, 200).Where(row => row != (1, number)));

        Assert.Equal((1, 0, 0), (report.LostCommits, report.DoubledCommits, report.AmbiguousCommits));
    }

    [Fact]
    public void Commit_that_is_there_three_times_is_one_doubled_and_hides_no_lost_one()
    {
        var ledger = WithCommits(writers: 2, each: 200);

        var report = Read(ledger, Rows(2, 200).Where(row => row != (0, 8)).Concat([(1, 7L), (1, 7L)]));

        Assert.Equal((1, 1, 0), (report.LostCommits, report.DoubledCommits, report.AmbiguousCommits));
    }

    [Theory]
    [InlineData(false, 0, 0)]
    [InlineData(true, 1, 0)]
    public void Failed_commit_is_ambiguous_when_it_is_there_and_never_lost(bool isThere, long ambiguous, long lost)
    {
        var ledger = new WriteLedger(1, _clock);
        ledger.Begin();
        Commit(ledger, 0, 1);
        ledger.Send(0);
        ledger.Fail(0, "57P01: terminating connection");
        ledger.Reconnect();
        Commit(ledger, 0, 1);

        var report = Read(ledger, Rows(1, 3).Where(row => row.Number != 2 || isThere));

        Assert.Equal((lost, 0, ambiguous), (report.LostCommits, report.DoubledCommits, report.AmbiguousCommits));
        Assert.Equal((1, 1, 2), (report.ClientErrors, report.Reconnects, report.Commits));
    }

    [Fact]
    public void Failed_commit_that_is_there_does_not_make_up_for_a_lost_one()
    {
        var ledger = new WriteLedger(1, _clock);
        ledger.Begin();
        Commit(ledger, 0, 1);
        ledger.Send(0);
        ledger.Fail(0, "broken");

        var report = Read(ledger, [(0, 2L)]);

        Assert.Equal((1, 1), (report.LostCommits, report.AmbiguousCommits));
    }

    [Fact]
    public void Errors_are_told_apart_by_what_they_say()
    {
        var ledger = new WriteLedger(2, _clock);
        ledger.Begin();
        _clock.Advance(TimeSpan.FromSeconds(1));
        ledger.FailConnect("refused");
        _clock.Advance(TimeSpan.FromSeconds(2));
        ledger.FailConnect("later");
        ledger.FailConnect("refused");

        var report = Read(ledger, []);

        Assert.Equal([new WriteError("refused", 2, 1, 3), new WriteError("later", 1, 3, 3)], report.Errors);
        Assert.Equal("2 x refused (1.0 to 3.0 s)", report.Errors[0].ToString());
        Assert.Equal(3, report.ClientErrors);
    }

    [Fact]
    public void Of_errors_with_a_number_in_them_there_are_not_any_number()
    {
        var ledger = new WriteLedger(1, _clock);
        ledger.Begin();
        for (var i = 0; i < 100; i++)
        {
            ledger.FailConnect($"pid {i}");
        }

        var report = Read(ledger, []);

        Assert.Equal((21, 80L), (report.Errors.Count, report.Errors.Single(e => e.Text == "others").Count));
    }

    [Fact]
    public void Verification_that_begins_anew_forgets_what_it_read()
    {
        var ledger = WithCommits(writers: 1, each: 10);
        ledger.BeginVerification();
        ledger.Verify(0, 5);

        var report = Read(ledger, Rows(1, 10));

        Assert.Equal((0, 0), (report.LostCommits, report.DoubledCommits));
    }

    [Fact]
    public void Verification_does_not_begin_while_a_commit_is_in_flight()
    {
        var ledger = WithCommits(writers: 1, each: 10);
        ledger.Send(0);

        Assert.Throws<InvalidOperationException>(ledger.BeginVerification);
    }

    [Fact]
    public async Task Writers_on_many_threads_lose_no_acknowledgement()
    {
        var ledger = new WriteLedger(8, TimeProvider.System);
        ledger.Begin();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(writer => Task.Run(() =>
        {
            for (var i = 0; i < 20_000; i++)
            {
                ledger.Send(writer);
                ledger.Acknowledge(writer);
            }
        })));

        var report = Read(ledger, Rows(8, 20_000), TimeProvider.System.GetTimestamp());

        Assert.Equal((160_000, 0, 0), (report.Commits, report.LostCommits, report.DoubledCommits));
        Assert.True(report.WriteGapMs >= 0);
    }

    private WriteLedger WithCommits(int writers, int each)
    {
        var ledger = new WriteLedger(writers, _clock);
        ledger.Begin();
        for (var writer = 0; writer < writers; writer++)
        {
            for (var i = 0; i < each; i++)
            {
                Commit(ledger, writer, 1);
            }
        }

        return ledger;
    }

    private void Commit(WriteLedger ledger, int writer, int milliseconds)
    {
        ledger.Send(writer);
        _clock.Advance(TimeSpan.FromMilliseconds(milliseconds));
        ledger.Acknowledge(writer);
    }

    /// <summary>The second writer commits every 100 ms while the first does not.</summary>
    private void ServeOther(WriteLedger ledger, double seconds)
    {
        for (var tenths = Math.Round(seconds * 10); tenths > 0; tenths--)
        {
            Commit(ledger, 1, 100);
        }
    }

    /// <summary>Ends without a look at the table.</summary>
    private WriteGapReport Close(WriteLedger ledger, long? stopAskedAt = null)
    {
        ledger.End(stopAskedAt ?? _clock.GetTimestamp());
        ledger.BeginVerification();
        return ledger.ToReport();
    }

    private WriteGapReport Read(WriteLedger ledger, IEnumerable<(int Writer, long Number)> rows, long? stopAskedAt = null)
    {
        ledger.End(stopAskedAt ?? _clock.GetTimestamp());
        ledger.BeginVerification();
        foreach (var (writer, number) in rows)
        {
            ledger.Verify(writer, number);
        }

        return ledger.ToReport();
    }

    private static IEnumerable<(int Writer, long Number)> Rows(int writers, int each) =>
        from writer in Enumerable.Range(0, writers)
        from number in Enumerable.Range(1, each)
        select (writer, (long)number);
}
