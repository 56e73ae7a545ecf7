using System.Diagnostics;
using Npgsql;
using PgCluster.Adapters.Guard;
using PgCluster.Adapters.Postgres;
using PgCluster.Adapters.Process;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Leadership;

/// <summary>pgcluster guard: what ends a leader's server when its agent cannot.</summary>
public sealed class LeaderGuardTests(GuardLabs labs) : IClassFixture<GuardLabs>, IAsyncLifetime
{
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan Never = TimeSpan.FromHours(1);

    private readonly GuardLab _lab = labs.One;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await labs.One.ResetAsync();
        await labs.Later.ResetAsync();
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task A_deadline_that_passes_kills_every_process_and_nobody_commits_after_it()
    {
        var guard = await _lab.OpenAsync();
        await _lab.QueryAsync("CREATE TABLE t (n int)");
        await using var open = await _lab.ConnectAsync();
        await ExecuteAsync(open, "BEGIN; INSERT INTO t VALUES (1)");

        // One that hangs, and would commit when it goes on.
        await using var hung = await _lab.ConnectAsync();
        await ExecuteAsync(hung, "BEGIN; INSERT INTO t VALUES (2)");
        var backend = ProcessIdentity.Find(hung.ProcessID)!.Value;
        backend.Signal(UnixSignal.Stop);
        var commit = ExecuteAsync(hung, "COMMIT");
        var before = _lab.Processes;
        Assert.Contains(backend, before);

        guard.Arm(Soon);
        await _lab.UntilDeadAsync();

        // Killed, a process has left its directory a moment before it is gone.
        await Poll.UntilAsync("none of them is left", () => before.All(process => !process.IsRunning));
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => commit);
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => ExecuteAsync(open, "COMMIT"));
        await Poll.UntilAsync("the guard has nothing more to do", () => !guard.IsArmed);
        Assert.Contains($"killed PostgreSQL in {_lab.Data}", await File.ReadAllTextAsync(_lab.Log, Token), StringComparison.Ordinal);

        await _lab.StartServerAsync();
        Assert.Equal("0", await _lab.QueryAsync("SELECT count(*) FROM t"));
    }

    [Fact]
    public async Task Backends_that_outlived_their_postmaster_are_killed_too()
    {
        var guard = await _lab.OpenAsync();
        await using var connection = await _lab.ConnectAsync();
        var backend = ProcessIdentity.Find(connection.ProcessID)!.Value;
        backend.Signal(UnixSignal.Stop);
        _lab.Postmaster.Signal(UnixSignal.Kill);
        await Poll.UntilAsync("only that backend is left", () => _lab.Processes.SequenceEqual([backend]));

        guard.Arm(Soon);

        await _lab.UntilDeadAsync();
    }

    [Theory]
    [InlineData(UnixSignal.Stop)]
    [InlineData(UnixSignal.Kill)]
    public async Task It_needs_nothing_of_its_parent(UnixSignal signal)
    {
        // Beside it, so that it is the guard's parent, as an agent is.
        using var parent = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "\"$@\" 2>/dev/null & wait", "sh", .. GuardLab.Command, _lab.Data]))!;
        try
        {
            await Poll.UntilAsync("the guard is in charge", () => _lab.Guard.IsRunning);
            Assert.Equal(parent.Id, ProcessStat.Read(_lab.Guard.Pid)!.ParentPid);
            var agent = await _lab.OpenAsync();
            ProcessIdentity.Find(parent.Id)!.Value.Signal(signal);

            agent.Arm(Soon);

            await _lab.UntilDeadAsync();
        }
        finally
        {
            parent.Kill();
        }
    }

    [Fact]
    public async Task Disarmed_it_does_nothing_and_a_renewed_deadline_is_the_one_that_counts()
    {
        var later = labs.Later;
        var (guard, clock) = (await _lab.OpenAsync(), await later.OpenAsync());
        var postmaster = _lab.Postmaster;

        guard.Arm(TimeSpan.FromSeconds(1));
        guard.Disarm();
        clock.Arm(TimeSpan.FromSeconds(2));
        await later.UntilDeadAsync();
        Assert.True(postmaster.IsRunning, "it was killed though the guard was disarmed");

        await later.StartServerAsync();
        guard.Arm(TimeSpan.FromSeconds(1));
        guard.Arm(Never);
        clock.Arm(TimeSpan.FromSeconds(2));
        await later.UntilDeadAsync();
        Assert.True(postmaster.IsRunning, "it was killed though the deadline had been put off");
        Assert.True(guard.IsArmed);

        guard.Arm(Soon);
        await _lab.UntilDeadAsync();
    }

    [Fact]
    public async Task Frozen_beyond_its_deadline_it_kills_when_it_goes_on()
    {
        var later = labs.Later;
        var (guard, clock) = (await _lab.OpenAsync(), await later.OpenAsync());
        var postmaster = _lab.Postmaster;
        _lab.Guard.Signal(UnixSignal.Stop);
        guard.Arm(Soon);
        clock.Arm(Soon * 2);
        await later.UntilDeadAsync();
        Assert.True(postmaster.IsRunning, "somebody else has killed it");

        var thawed = TimeProvider.System.GetTimestamp();
        _lab.Guard.Signal(UnixSignal.Continue);

        await _lab.UntilDeadAsync();
        Assert.True(TimeProvider.System.GetElapsedTime(thawed) < TimeSpan.FromSeconds(15));
    }

    [Fact]
    public async Task A_second_guard_leaves_the_first_in_charge_and_a_dead_one_is_replaced_with_its_deadline()
    {
        var guard = await _lab.OpenAsync();
        var first = _lab.Guard;
        using (var second = Process.Start(GuardLab.Command[0], [.. GuardLab.Command.Skip(1), _lab.Data]))
        {
            await second.WaitForExitAsync(Token);
            Assert.Equal(0, second.ExitCode);
        }

        Assert.Equal(first, _lab.Guard);
        await guard.EnsureAsync(Token);
        Assert.Equal(first, _lab.Guard);

        guard.Arm(Soon);
        first.Signal(UnixSignal.Kill);
        await first.WaitForExitAsync(TimeProvider.System, Token);
        await guard.EnsureAsync(Token);

        Assert.NotEqual(first, _lab.Guard);
        await _lab.UntilDeadAsync();
    }

    [Fact]
    public async Task A_deadline_of_an_earlier_start_of_the_machine_kills_nobody()
    {
        // As it is found after one: a deadline that has passed, and a guard that does not run.
        using (var file = GuardFile.Open(GuardFile.PathOf(_lab.Data)))
        {
            file.Deadline = 1;
        }

        var guard = await _lab.OpenAsync();

        Assert.False(guard.IsArmed);
        Assert.Equal("1", await _lab.QueryAsync("SELECT 1"));
        Assert.True(_lab.Postmaster.IsRunning);
    }

    [Fact]
    public async Task A_data_directory_that_is_gone_needs_no_guard()
    {
        await _lab.OpenAsync();
        var guard = _lab.Guard;
        foreach (var process in _lab.Processes)
        {
            process.Signal(UnixSignal.Kill);
        }

        await _lab.UntilDeadAsync();
        var away = _lab.Data + ".away";
        Directory.Move(_lab.Data, away);
        try
        {
            await Poll.UntilAsync("the guard has ended", () => !guard.IsRunning);
        }
        finally
        {
            Directory.Move(away, _lab.Data);
        }
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(Token);
    }
}
