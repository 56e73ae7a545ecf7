using PgCluster.Adapters.Process;
using PgCluster.Client;
using PgCluster.Engine.Roles;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Integration.Failover;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Roles;

/// <summary>Four nodes of which three vote: who is lost gives its role away, and a takeover changes no more than it has to.</summary>
public sealed class RoleLoopTests(FourNodesLab lab) : IClassFixture<FourNodesLab>
{
    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task A_voter_that_is_killed_is_replaced_by_the_stand_by_and_comes_back_as_one()
    {
        var (primary, voters, standBy) = await AtRestAsync();
        var lost = voters.First(v => v != primary);
        await using var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = lab.Info.ClientUri, Writers = 16 }, Token);
        using (lab.Lose(lost))
        {
            await lab.WaitForRolesAsync("the stand-by votes in its place", r => r.Of(standBy) == MemberRole.Voter && r.Of(lost) == MemberRole.Spare);
            await lab.WaitForListAsync(primary, "commits wait for the new voter", l => l.Names(standBy) && !l.Names(lost));
            var entry = (await lab.RoleHistoryAsync())[0];
            Assert.Equal([standBy, lost], entry.Steps.Select(s => s.Node));
            Assert.All(entry.Steps, s => Assert.Equal("assign", s.Name));
            Assert.Equal((OperationOutcome.Succeeded, $"{standBy},{lost}", $"agent of {primary}"), (entry.Outcome, entry.Node, entry.Actor));
        }

        await lab.WaitForRolesAsync("it streams again, and does not vote", r => r.Of(lost) == MemberRole.StandBy && r.Of(standBy) == MemberRole.Voter);
        await lab.WaitUntilSoundAsync(TimeSpan.FromMinutes(3));
        Assert.False((await lab.ListOfAsync(primary)).Names(lost));
        var gap = await meter.StopAsync(CancellationToken.None);
        Assert.Equal(primary, await lab.PrimaryAsync());
        Assert.Equal((0L, 0L, 0L), (gap.LostCommits, gap.DoubledCommits, gap.ClientErrors));
    }

    [Fact]
    public async Task With_nobody_to_replace_them_lost_voters_are_dropped_loudly_and_vote_again_when_they_are_back()
    {
        var (primary, voters, standBy) = await AtRestAsync();
        var lost = voters.First(v => v != primary);
        using (lab.Lose(standBy))
        using (lab.Lose(lost))
        {
            await lab.WaitForRolesAsync("two voters are left", r => Voters(r).SequenceEqual(voters.Where(v => v != lost)));
            Assert.Contains((await lab.RoleHistoryAsync())[0].Steps, s => s.Name == "degrade" && (s.Node == lost || s.Node == standBy));
            await lab.WriteThroughAsync("app");
        }

        await lab.WaitForRolesAsync("three vote and one streams", IsAtRest);
        await lab.WaitUntilSoundAsync(TimeSpan.FromMinutes(3));
        Assert.Equal(primary, await lab.PrimaryAsync());
    }

    [Fact]
    public async Task A_takeover_changes_no_roles_but_that_another_voter_leads()
    {
        var (primary, voters, _) = await AtRestAsync();
        var entries = (await lab.RoleHistoryAsync()).Count;

        await lab.EndPostmasterAsync(primary, UnixSignal.Kill);
        await Poll.UntilAsync("another node leads", async () => await lab.PrimaryAsync() is var now && now != primary && now != "nobody", TimeSpan.FromMinutes(3));
        await lab.WaitUntilSoundAsync(TimeSpan.FromMinutes(3));

        var next = await lab.PrimaryAsync();
        Assert.Contains(next, voters);
        var roles = await lab.WaitForRolesAsync("the new leader has decided", r => r.Primary == next);
        Assert.Equal(voters, Voters(roles));
        await lab.WaitForListAsync(next, "commits wait for the voters", l => l.Standbys.Order(StringComparer.Ordinal).SequenceEqual(voters.Where(v => v != next)));
        Assert.Equal(entries, (await lab.RoleHistoryAsync()).Count);
    }

    [Fact]
    public async Task The_leader_adjusts_when_it_is_asked_to_and_nobody_else_does()
    {
        var (primary, voters, _) = await AtRestAsync();
        var other = voters.First(v => v != primary);
        var rest = (await lab.RolesAsync())!;
        var asked = new RoleAdjustmentRequest { Why = "a test", Actor = "it@here" };
        Assert.Empty((await lab.Cluster.AdjustRolesAsync(asked, Token)).Changes);
        Assert.Equal(Reason.PlanStale, (await Assert.ThrowsAsync<PgClusterException>(() => lab.Peers.Node(other).AdjustRolesAsync(asked, Token))).Reason);
        Assert.Equal(Reason.InvalidArgument, (await Assert.ThrowsAsync<PgClusterException>(() => lab.Cluster.AdjustRolesAsync(asked with { MaxSteps = -1 }, Token))).Reason);

        // Whoever wrote this, and whatever for: the next round is an hour away.
        await lab.Store.PutAsync(StoreKeys.Roles, (rest with { Roles = rest.Roles.ToDictionary(r => r.Key, _ => MemberRole.Spare, StringComparer.Ordinal) }).ToJson(), null, Token);
        var plan = await lab.Cluster.AdjustRolesAsync(asked with { PlanOnly = true }, Token);
        Assert.True(plan is { IsComplete: true, Changes.Count: 3 }, RolePlanJson.ToJson(plan));
        Assert.All((await lab.RolesAsync())!.Roles.Values, r => Assert.Equal(MemberRole.Spare, r));

        var first = await lab.Cluster.AdjustRolesAsync(asked with { MaxSteps = 1 }, Token);
        Assert.Equal((false, plan.Changes[0].Node), (first.IsComplete, Assert.Single(first.Changes).Node));
        Assert.Equal(("a test", "it@here", first.Changes[0].Node), (await lab.RoleHistoryAsync()).Select(r => (r.Why, r.Actor, r.Node!)).First());
        Assert.Equal(2, (await lab.Cluster.AdjustRolesAsync(asked, Token)).Changes.Count);
        Assert.True(IsAtRest((await lab.RolesAsync())!));
        await AtRestAsync();
        Assert.Equal(primary, await lab.PrimaryAsync());
    }

    [Fact]
    public async Task The_hook_is_given_the_roles_after_a_round()
    {
        var (primary, voters, _) = await AtRestAsync();
        var file = Path.Combine(lab.Info.Path, FourNodesLab.HookFile);
        await Poll.UntilAsync("the hook has seen the roles", async () =>
            File.Exists(file) && RolePlanJson.FromJson(await File.ReadAllTextAsync(file, Token)) is { } plan && plan.Primary == primary
            && plan.Members.Where(m => m.After == MemberRole.Voter).Select(m => m.Node).Order(StringComparer.Ordinal).SequenceEqual(voters));
    }

    /// <summary>Until three vote, one streams, and commits wait for the voters.</summary>
    private async Task<(string Primary, IReadOnlyList<string> Voters, string StandBy)> AtRestAsync()
    {
        await lab.WaitUntilSoundAsync(TimeSpan.FromMinutes(3));
        var primary = await lab.PrimaryAsync();
        var roles = await lab.WaitForRolesAsync("three vote and one streams", r => r.Primary == primary && IsAtRest(r));
        var voters = Voters(roles);
        await lab.WaitForListAsync(primary, "commits wait for the voters", l => l.Standbys.Order(StringComparer.Ordinal).SequenceEqual(voters.Where(v => v != primary)));
        return (primary, voters, roles.Roles.Single(r => r.Value == MemberRole.StandBy).Key);
    }

    private static bool IsAtRest(RoleRecord record) => record.Roles.Values.Count(r => r == MemberRole.Voter) == 3 && record.Roles.Values.Count(r => r == MemberRole.StandBy) == 1;

    private static string[] Voters(RoleRecord record) => [.. record.Roles.Where(r => r.Value == MemberRole.Voter).Select(r => r.Key).Order(StringComparer.Ordinal)];
}
