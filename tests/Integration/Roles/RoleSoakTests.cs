using System.Diagnostics;
using System.Globalization;
using PgCluster.Adapters.Process;
using PgCluster.Client;
using PgCluster.Engine.Roles;
using PgCluster.Tests.Integration.Failover;

namespace PgCluster.Tests.Integration.Roles;

/// <summary>
/// Seven nodes of which one or two are stopped or killed and come back, again and again: three vote, three are stand-bys and one is a spare each time, all of them stream, and no commit is lost. How long that
/// takes is in the test's output, and nothing is asserted about it.
/// </summary>
[Collection(ManyNodesGroup.Name)]
public sealed class RoleSoakTests(SevenNodesLab lab) : IClassFixture<SevenNodesLab>
{
    private static readonly TimeSpan Budget = TimeSpan.FromMinutes(4);

    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public Task DQ_28_in_short() => SoakAsync(singles: 2, doubles: 1);

    [Fact(Explicit = true)]
    public Task DQ_28_in_full() => SoakAsync(singles: 10, doubles: 10);

    private async Task SoakAsync(int singles, int doubles)
    {
        await AtRestAsync();
        await using var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = lab.Info.ClientUri, Writers = 2 }, Token);
        await RepeatAsync(singles, StopAsync, "L", "S", "V");
        await RepeatAsync(1, KillAsync, "V");
        await RepeatAsync(doubles, StopAsync, "LV", "VS", "SP");
        await RepeatAsync(doubles, KillAsync, "LS", "VP", "LV");
        var gap = await meter.StopAsync(CancellationToken.None);
        Assert.True(gap.Commits > 0);
        Assert.Equal((0L, 0L), (gap.LostCommits, gap.DoubledCommits));
    }

    /// <summary>So many rounds, each of which loses those whom it is about: L is the leader, V another voter, S a stand-by and P the spare.</summary>
    private async Task RepeatAsync(int rounds, Func<IReadOnlyList<string>, Task> loseAsync, params string[] whom)
    {
        for (var i = 0; i < rounds; i++)
        {
            var (primary, record) = await AtRestAsync();
            var letters = whom[i % whom.Length];
            string[] nodes = [.. letters.Select(l => record.Roles.Keys.Order(StringComparer.Ordinal).First(n => l == 'L' ? n == primary : n != primary && record.Of(n) == RoleOf(l)))];
            var clock = Stopwatch.StartNew();
            await loseAsync(nodes);
            var lost = clock.Elapsed;

            // Without the leader and one of its two standbys nobody can know that the other one has every commit: it waits for one of them.
            if (loseAsync != KillAsync || letters != "LV")
            {
                await lab.WaitForRolesAsync($"others have the roles of {string.Join(" and ", nodes)}", r => IsAtRest(r, nodes));
            }

            var without = clock.Elapsed;
            foreach (var node in nodes)
            {
                await lab.StartAgainAsync($"agent-{node}");
            }

            await AtRestAsync();
            TestContext.Current.TestOutputHelper?.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{loseAsync.Method.Name} {letters} ({string.Join(", ", nodes)}): gone after {lost.TotalSeconds:0.0} s, roles at rest {(without - lost).TotalSeconds:0.0} s later, all back {(clock.Elapsed - without).TotalSeconds:0.0} s after their start"));
        }
    }

    /// <summary>As a host that is shut down does: the agent first, which hands over, then the server.</summary>
    private async Task StopAsync(IReadOnlyList<string> nodes)
    {
        var agents = nodes.Select(n => lab.Process($"agent-{n}")).ToArray();
        foreach (var agent in agents)
        {
            agent.Signal(UnixSignal.Terminate);
        }

        foreach (var agent in agents)
        {
            await agent.WaitForExitAsync(TimeProvider.System, Token).WaitAsync(Budget, Token);
        }

        var roles = (await lab.RolesAsync())!;
        Assert.All(nodes, n => Assert.True(roles.Of(n) == MemberRole.Spare, $"{n} has not handed over: {roles.ToJson()}"));
        foreach (var node in nodes)
        {
            await lab.EndPostmasterAsync(node, UnixSignal.Interrupt);
        }
    }

    private async Task KillAsync(IReadOnlyList<string> nodes)
    {
        foreach (var node in nodes)
        {
            await lab.KillAsync($"agent-{node}");
            await lab.EndPostmasterAsync(node, UnixSignal.Kill);
        }
    }

    /// <summary>Until the roles are at rest, commits wait for the voters, and everybody streams.</summary>
    private async Task<(string Primary, RoleRecord Roles)> AtRestAsync()
    {
        await lab.WaitUntilSoundAsync(Budget);
        var primary = await lab.PrimaryAsync();
        var roles = await lab.WaitForRolesAsync("three vote, three are stand-bys and one is a spare", r => r.Primary == primary && IsAtRest(r, []));
        await lab.WaitForVotersAsync(primary, [.. roles.Roles.Where(r => r.Value == MemberRole.Voter && r.Key != primary).Select(r => r.Key)]);
        return (primary, roles);
    }

    /// <summary>Three of those that are there vote, and three stream besides, or all that are left.</summary>
    private bool IsAtRest(RoleRecord record, string[] away)
    {
        var there = record.Roles.Where(r => !away.Contains(r.Key)).Select(r => r.Value).ToArray();
        return there.Length == lab.Config.Nodes.Count - away.Length
            && there.Count(r => r == MemberRole.Voter) == 3
            && there.Count(r => r == MemberRole.StandBy) == Math.Min(3, there.Length - 3)
            && away.All(n => record.Of(n) != MemberRole.Voter);
    }

    private static MemberRole RoleOf(char letter) => letter switch { 'V' => MemberRole.Voter, 'S' => MemberRole.StandBy, _ => MemberRole.Spare };
}
