using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using PgCluster.Adapters.Postgres;
using PgCluster.Adapters.Process;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Rejoin;

namespace PgCluster.Tests.Integration.Postgres;

public sealed class RejoinCrashTests : IAsyncDisposable
{
    private const string HelperVariable = "PGCLUSTER_TEST_REJOIN";

    private readonly StreamingLab _lab = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Data => _lab.Options("pg01").DataDirectory;

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    /// <summary>Each script stands for a program and a moment at which it, and the agent with it, died.</summary>
    [Theory]
    [InlineData("before recovery", "postgres", "case \"$*\" in *--single*) exit 1;; esac; exec REAL \"$@\"", "Recovering")]
    [InlineData("in recovery", "postgres", "case \"$*\" in *--single*) REAL \"$@\" & while [ ! -s DATA/postmaster.pid ]; do :; done; kill -9 $!; exit 1;; esac; exec REAL \"$@\"", "Recovering")]
    [InlineData("after recovery", "postgres", "REAL \"$@\" || exit 1; case \"$*\" in *--single*) exit 1;; esac", "Recovering")]
    [InlineData("before rewinding", "pg_rewind", "exit 1", "Rewinding")]
    [InlineData("in the middle of it", "pg_rewind", "REAL \"$@\" & until grep -q 'port = PORT' DATA/postgresql.conf; do kill -0 $! || exit 1; done; kill -9 $!; exit 1", "Rewinding")]
    [InlineData("when it was done and nobody knew", "pg_rewind", "REAL \"$@\"; exit 1", "Rewinding")]
    public async Task A_rewind_that_was_cut_short_is_never_started_and_can_be_repeated(string when, string program, string script, string phase)
    {
        await _lab.StartAsync("", "pg01", "pg02");
        await _lab.GiveOwnConfigurationAsync("pg01", Data);
        await _lab.DivergeAsync();
        await _lab["pg01"].KillAsync(Token);
        var ownFiles = StreamingLab.OwnFiles(Data);
        var broken = _lab.Reopen("pg01", options => options with { BinDirectory = WithScript(program, script) });

        // A recovery that is done is not done again.
        for (var i = 0; i < (when == "after recovery" ? 1 : 2); i++)
        {
            await Assert.ThrowsAsync<PgClusterException>(() => broken.RewindAsync(_lab.Address("pg02"), false, Token));
            Assert.Equal(phase, new RewindWork(Data).Phase.ToString());
            var refused = await Assert.ThrowsAsync<PgClusterException>(() => _lab["pg01"].StartAsync(Token));
            Assert.Contains("must not be started", refused.Message, StringComparison.Ordinal);
            await Assert.ThrowsAsync<PgClusterException>(() => _lab["pg01"].FollowAsync(_lab.Address("pg02"), Token));
            await _lab.QueryAsync("pg02", "UPDATE t SET id = id + 1");
        }

        var plan = RejoinPolicy.Decide(await _lab["pg01"].InspectAsync(_lab.Address("pg02"), Token), new RejoinOptions());
        Assert.True(plan.Method == RejoinMethod.Rewind, $"{when}: {plan}");
        await _lab["pg01"].RewindAsync(_lab.Address("pg02"), false, Token);
        Assert.Equal(ownFiles, StreamingLab.OwnFiles(Data));
        await _lab["pg01"].StartAsync(Token);
        await _lab.CatchesUpAsync("pg01", "pg02", StreamingLab.Content);
        await AgreesInEveryTableAsync();
    }

    [Fact]
    public async Task A_half_rewound_node_is_cloned_with_its_own_configuration()
    {
        await _lab.StartAsync("", "pg01", "pg02");
        await _lab.GiveOwnConfigurationAsync("pg01", Data);
        await _lab.DivergeAsync();
        await _lab["pg01"].KillAsync(Token);
        var ownFiles = StreamingLab.OwnFiles(Data);
        var broken = _lab.Reopen("pg01", options => options with { BinDirectory = WithScript("pg_rewind", "REAL \"$@\"; exit 1") });
        await Assert.ThrowsAsync<PgClusterException>(() => broken.RewindAsync(_lab.Address("pg02"), false, Token));
        Assert.NotEqual(ownFiles, StreamingLab.OwnFiles(Data));
        Assert.Equal(
            RejoinMethod.Clone,
            RejoinPolicy.Decide(await _lab["pg01"].InspectAsync(_lab.Address("pg02"), Token), new RejoinOptions { AllowRewind = false }).Method);

        await _lab["pg01"].CloneAsync(_lab.Address("pg02"), false, null, Token);

        Assert.Equal(ownFiles, StreamingLab.OwnFiles(Data));
        await _lab.CatchesUpAsync("pg01", "pg02", StreamingLab.Content);
        Assert.Equal([Data], Directory.GetDirectories(_lab.Root, "pg01*"));
    }

    [Fact]
    public async Task A_rewind_is_not_repeated_against_a_server_that_gave_up_what_the_first_one_copied()
    {
        await _lab.StartAsync("", "pg01", "pg02", "pg03");
        await _lab["pg03"].SealAsync(TimeSpan.FromSeconds(5), Token);
        await _lab.DivergeAsync();
        await _lab["pg01"].KillAsync(Token);
        var broken = _lab.Reopen("pg01", options => options with { BinDirectory = WithScript("pg_rewind", "REAL \"$@\"; exit 1") });
        await Assert.ThrowsAsync<PgClusterException>(() => broken.RewindAsync(_lab.Address("pg02"), false, Token));

        await _lab["pg02"].KillAsync(Token);
        await _lab["pg03"].PromoteAsync(Token);
        var refused = await Assert.ThrowsAsync<PgClusterException>(() => _lab["pg01"].RewindAsync(_lab.Address("pg03"), false, Token));
        Assert.Contains("has to be cloned", refused.Message, StringComparison.Ordinal);
        await _lab["pg01"].CloneAsync(_lab.Address("pg03"), false, null, Token);
        await _lab.StreamsAsync("pg01");
    }

    [Fact]
    public async Task What_a_clone_left_behind_is_removed_and_what_was_kept_stays()
    {
        await _lab.StartAsync("", "pg01", "pg02");
        await _lab.QueryAsync("pg01", "CREATE TABLE t AS SELECT generate_series(1, 1000) AS id");
        await _lab["pg02"].StopAsync(ShutdownMode.Fast, Token);
        var data = _lab.Options("pg02").DataDirectory;

        // Died while copying, with the copying still under way; a kept one, and one that was about to be given that name.
        Directory.CreateDirectory(data + ".pgcluster-clone/data/base");
        await File.WriteAllTextAsync(data + ".pgcluster-clone/data/PG_VERSION", "15", Token);
        Directory.CreateDirectory(data + ".before-1");
        Directory.CreateDirectory(data + ".before-2");
        await File.WriteAllTextAsync(data + ".before-2/pgcluster.clone", "", Token);
        using var orphan = Process.Start(new ProcessStartInfo("sleep", ["600"]) { Environment = { ["PGCLUSTER_REJOIN"] = data } })!;

        await _lab["pg02"].CloneAsync(_lab.Address("pg01"), false, null, Token);

        await orphan.WaitForExitAsync(Token);
        await _lab.CatchesUpAsync("pg02", "pg01", StreamingLab.Content);
        Assert.Equal([data, data + ".before-1"], Directory.GetDirectories(_lab.Root, "pg02*").Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task The_old_data_of_a_clone_whose_agent_died_is_removed_when_the_new_server_runs()
    {
        await _lab.StartAsync("", "pg01", "pg02");
        var work = _lab.Options("pg02").DataDirectory + ".pgcluster-clone";
        Directory.CreateDirectory(work + "/data");
        await _lab["pg02"].StopAsync(ShutdownMode.Fast, Token);
        await Assert.ThrowsAsync<PgClusterException>(() => _lab["pg02"].CleanUpAfterRejoinAsync(Token));
        Assert.True(Directory.Exists(work));
        await _lab["pg02"].StartAsync(Token);
        await _lab["pg02"].CleanUpAfterRejoinAsync(Token);
        Assert.False(Directory.Exists(work));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_clone_that_fails_leaves_the_old_data_where_it_was(bool diedBetweenRenames)
    {
        await _lab.StartAsync("", "pg01", "pg02");
        await _lab["pg02"].StopAsync(ShutdownMode.Fast, Token);
        var data = _lab.Options("pg02").DataDirectory;
        var broken = _lab.Reopen("pg02", options => options with { BinDirectory = WithScript("pg_basebackup", "REAL \"$@\"; exit 1") });
        if (diedBetweenRenames)
        {
            Directory.CreateDirectory(data + ".pgcluster-clone");
            Directory.Move(data, data + ".pgcluster-clone/old");
        }

        await Assert.ThrowsAsync<PgClusterException>(() => broken.CloneAsync(_lab.Address("pg01"), true, null, Token));

        Assert.Equal([data], Directory.GetDirectories(_lab.Root, "pg02*"));
        await _lab["pg02"].StartAsync(Token);
        await _lab.StreamsAsync("pg02");
    }

    [Theory]
    [InlineData("rewind")]
    [InlineData("clone")]
    public async Task An_agent_that_is_killed_meanwhile_leaves_nothing_that_the_next_one_cannot_finish(string method)
    {
        await _lab.StartAsync("", "pg01", "pg02");
        await _lab.GiveOwnConfigurationAsync("pg01", Data);
        await _lab.DivergeAsync();
        await _lab["pg01"].KillAsync(Token);
        var ownFiles = StreamingLab.OwnFiles(Data);
        var work = Data + (method == "rewind" ? ".pgcluster-rewind" : ".pgcluster-clone");
        foreach (var delay in new[] { 0, 60, 250 })
        {
            using var agent = StartHelper(method);
            await Fixtures.Poll.UntilAsync("the agent has begun", () => Directory.Exists(work) || agent.HasExited);
            await Task.Delay(delay, Token);
            agent.Kill();
            await agent.WaitForExitAsync(Token);
        }

        // The last of them may have come to its end on a quick machine, and left a server that runs.
        if ((await _lab["pg01"].ProbeAsync(Token)).PostmasterPid == 0)
        {
            await (method == "rewind" && new RewindWork(Data).Phase != RewindPhase.None
                ? _lab["pg01"].RewindAsync(_lab.Address("pg02"), false, Token)
                : _lab["pg01"].CloneAsync(_lab.Address("pg02"), false, null, Token));
        }

        Assert.Equal(ownFiles, StreamingLab.OwnFiles(Data));
        await _lab["pg01"].StartAsync(Token);
        await _lab.CatchesUpAsync("pg01", "pg02", StreamingLab.Content);
        await AgreesInEveryTableAsync();
    }

    /// <summary>Run by the test above in a process of its own, which is killed meanwhile.</summary>
    [Fact(Explicit = true)]
    public async Task Helper_that_brings_a_node_back()
    {
        var words = Environment.GetEnvironmentVariable(HelperVariable)!.Split(' ', 4);
        var options = new LocalPostgresOptions
        {
            NodeName = "pg01",
            Port = int.Parse(words[1], CultureInfo.InvariantCulture),
            DataDirectory = words[3],
        };
        var upstream = new UpstreamAddress("pg02", options.Host, int.Parse(words[2], CultureInfo.InvariantCulture));
        await using var server = new LocalPostgresServer(options, TimeProvider.System, NullLogger<LocalPostgresServer>.Instance);
        await (words[0] == "rewind" ? server.RewindAsync(upstream, false, Token) : server.CloneAsync(upstream, false, null, Token));
    }

    private Process StartHelper(string method)
    {
        var program = Path.ChangeExtension(typeof(RejoinCrashTests).Assembly.Location, null);
        return Process.Start(new ProcessStartInfo(
            program, ["-explicit", "only", "-method", $"{typeof(RejoinCrashTests).FullName}.{nameof(Helper_that_brings_a_node_back)}"])
        {
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
            Environment =
            {
                [HelperVariable] = string.Create(
                    CultureInfo.InvariantCulture, $"{method} {_lab.Options("pg01").Port} {_lab.Options("pg02").Port} {Data}"),
            },
        })!;
    }

    /// <summary>PostgreSQL's programs, one of them replaced.</summary>
    private string WithScript(string program, string script)
    {
        var real = PostgresBinaries.Find(null);
        var directory = Path.Combine(_lab.Root, "bin");
        Directory.CreateDirectory(directory);
        foreach (var file in Directory.GetFiles(real))
        {
            File.CreateSymbolicLink(Path.Combine(directory, Path.GetFileName(file)), file);
        }

        var path = Path.Combine(directory, program);
        File.Delete(path);
        var text = "#!/bin/sh\n" + script
            .Replace("REAL", Path.Combine(real, program), StringComparison.Ordinal)
            .Replace("PORT", _lab.Options("pg02").Port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
            .Replace("DATA", Data, StringComparison.Ordinal) + "\n";
        DurableFile.Write(path, text, (UnixFileMode)0b111_101_101);
        PostgresLab.Account?.Own(directory);
        return directory;
    }

    private async Task AgreesInEveryTableAsync()
    {
        Assert.Equal("1000", await _lab.QueryAsync("pg01", "SELECT count(*) FROM only_here"));
        Assert.Equal("1000 500500", await _lab.QueryAsync("pg01", "SELECT count(*) || ' ' || sum(id) FROM gained"));
        Assert.Equal("", await _lab.QueryAsync("pg01", "SELECT to_regclass('lost')::text"));
    }
}
