using System.Diagnostics;
using Npgsql;
using PgCluster.Client;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Switchover;

/// <summary>Whoever dies in the middle: one database is in charge and takes writes, and the next run succeeds.</summary>
public sealed class SwitchoverKilledTests(PublishingServers servers) : IClassFixture<PublishingServers>
{
    private const string Schema = """
        CREATE TABLE customer (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text, parent integer REFERENCES customer);
        CREATE TABLE purchase (customer integer REFERENCES customer, line integer, v text, PRIMARY KEY (customer, line));
        """;

    private const string Rows = """
        INSERT INTO customer (name) SELECT 'c' || g FROM generate_series(1, 1000) g;
        INSERT INTO purchase SELECT 1 + g % 1000, g, 'x' FROM generate_series(1, 5000) g;
        """;

    private const string Write = "INSERT INTO customer (name, parent) VALUES ('after', 1)";

    private static readonly string[] _steps =
    [
        "announce", "lock", "schema", "track", "copy", "indexes", "catchup", "verify", "pause", "fence", "drain", "sequences", "turn", "open", "flip", "done", "back",
    ];

    // Those in which the other engine has something of its own to lose.
    private static readonly string[] _changelogSteps = ["track", "copy", "catchup", "verify", "drain", "turn", "flip", "back"];

    public static TheoryData<SwitchoverEngine, string> Steps =>
        [.. _steps.Select(s => (SwitchoverEngine.Logical, s)), .. _changelogSteps.Select(s => (SwitchoverEngine.Changelog, s))];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Steps))]
    public async Task SW_20_a_client_killed_at_a_step_leaves_one_database_in_charge_and_the_next_run_succeeds(SwitchoverEngine engine, string step)
    {
        await using var move = await Move.CreateAsync(servers, engine, Schema, Rows);
        await using var switchover = move.Open();
        await switchover.DefineAsync(move.Options, Token);
        await KillAtAsync(move, step);

        // The server may still be at work on what the dead client had asked for.
        await Poll.UntilAsync("the dead client's sessions are gone", async () => await move.SessionsAsync() == 0);
        SwitchoverStatus status = await switchover.GetStatusAsync(Token);
        bool flipped = status.SourcePointer == SwitchoverPointer.UseNextDb;
        Assert.Equal(flipped ? move.TargetAddress : move.SourceAddress, status.InCharge);
        Assert.True(flipped == step is "done" or "back" || step == "flip", $"flipped: {flipped}");
        await TwoDatabases.ExecuteAsync(flipped ? move.Target : move.Source, Write);
        if (flipped)
        {
            var refused = await Assert.ThrowsAsync<PostgresException>(() => TwoDatabases.ExecuteAsync(move.Source, Write));
            Assert.Equal(PostgresErrorCodes.ReadOnlySqlTransaction, refused.SqlState);
            await RunAsync(switchover, rollback: true);
            Assert.Equal(move.SourceAddress, (await switchover.GetStatusAsync(Token)).InCharge);
        }
        else
        {
            if (engine == SwitchoverEngine.Changelog)
            {
                await switchover.ResetAsync(Token);
                Assert.Equal(0, await move.FlowsAsync());
            }

            await RunAsync(switchover, rollback: false);
            Assert.Equal(move.TargetAddress, (await switchover.GetStatusAsync(Token)).InCharge);
        }

        await move.AssertEqualAsync();
    }

    private static async Task KillAtAsync(Move move, string step)
    {
        // What it cannot clear away any more goes with this.
        var temporary = Directory.CreateTempSubdirectory("pgcluster-it-");
        try
        {
            await KillAtAsync(move, step, temporary.FullName);
        }
        finally
        {
            temporary.Delete(recursive: true);
        }
    }

    private static async Task KillAtAsync(Move move, string step, string temporary)
    {
        var start = new ProcessStartInfo(
            Path.Combine(AppContext.BaseDirectory, "pgcluster"),
            [
                "switchover", "start", "--source", move.Options.SourceUri, "--target", move.Options.TargetUri, "--hello-window", "0.4", "--yes", "--json",
            ])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
            Environment = { ["TMPDIR"] = temporary },
        };
        using Process client = Process.Start(start)!;
        var seen = new List<string>();
        while (await client.StandardError.ReadLineAsync(Token) is { } line)
        {
            seen.Add(line);
            if (line == $"step {step} Run")
            {
                break;
            }
        }

        client.Kill();
        await client.WaitForExitAsync(Token);
        Assert.True(seen.Contains($"step {step} Run"), string.Join('\n', seen));
    }

    private static async Task RunAsync(SwitchoverConnection switchover, bool rollback)
    {
        OperationReport report = await switchover.RunAsync(await switchover.PlanAsync(null, rollback, Token), null, "test", "test@here", null, null, Token);
        Assert.True(report.Outcome == OperationOutcome.Succeeded, report.Error);
    }
}
