using System.Globalization;
using PgCluster.Tests.Integration.Failover;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Roles;

/// <summary>
/// Who gets the role of a node that leaves or is lost, with six to nine members. A voter is the primary or a synchronous standby, a stand-by streams and no commit waits for it, a spare does neither by
/// its role. Higher weights are preferred here, so that those of the specification stand with the other sign.
/// </summary>
[Collection(ManyNodesGroup.Name)]
public sealed class NineNodesTests(NineNodesLab lab) : IClassFixture<NineNodesLab>
{
    private static string Third(int place) => string.Create(CultureInfo.InvariantCulture, $"zone{place % 3}");

    [Fact]
    public async Task DQ_11_of_six_a_voter_hands_over_to_the_node_of_its_own_failure_domain()
    {
        await lab.ArrangeAsync("V,V,V,S,S,S", Third);

        await lab.HandOverAsync("pg03");

        await lab.WaitForRolesAsync("V,V,P,S,S,V");
        await lab.WaitForVotersAsync("pg01", "pg02", "pg06");
    }

    [Fact]
    public async Task DQ_14_of_seven_a_stand_by_hands_over_to_the_spare()
    {
        await lab.ArrangeAsync("V,V,V,S,S,S,P", Third);

        await lab.HandOverAsync("pg05");

        await lab.WaitForRolesAsync("V,V,V,S,P,S,S");
        await lab.WaitForVotersAsync("pg01", "pg02", "pg03");
    }

    [Fact]
    public async Task DQ_17_of_six_the_node_of_its_own_failure_domain_votes_in_place_of_a_voter_that_is_killed()
    {
        await lab.ArrangeAsync("V,V,V,S,S,S", Third);
        using (lab.Lose("pg03"))
        {
            await lab.WaitForRolesAsync("V,V,P,S,S,V");
            await lab.WaitForVotersAsync("pg01", "pg02", "pg06");
        }
    }

    [Fact]
    public async Task DQ_18_of_eight_in_two_failure_domains_each_gets_a_voter()
    {
        await lab.ArrangeAsync("V,V,V,S,S,S,P,P", _ => "zone0");
        foreach (var place in Enumerable.Range(1, 8).Reverse())
        {
            var node = lab.Config.Nodes[place - 1].Name;
            await lab.SetAsync(new SetNodeRequest { Name = node, FailureDomain = place > 5 ? "zone1" : "zone0", Weight = place });
        }

        // Every change before was a round of its own, and on a busy machine the last one may still be to come. Commits wait for the voters of the other failure domain alone, where there
        // are enough of them.
        var seen = "";
        try
        {
            await Poll.UntilAsync(
                "both failure domains have a voter, and commits wait for the one that is not the primary's",
                async () =>
                {
                    var (roles, list) = (await lab.RolesAsync(), await lab.ListOfAsync("pg01"));
                    seen = $"{roles!.ToJson()}, {list.Text}";
                    string[] voters = [.. roles.Roles.Where(r => r.Value == MemberRole.Voter).Select(r => r.Key).Order(StringComparer.Ordinal)];
                    return voters is ["pg01", "pg02" or "pg03" or "pg04" or "pg05", var elsewhere and ("pg06" or "pg07" or "pg08")] && list.Standbys.SequenceEqual([elsewhere])
                        && roles.Roles.Values.Count(r => r == MemberRole.StandBy) == 3;
                },
                TimeSpan.FromMinutes(3));
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message} Last seen: {seen}", e);
        }
    }

    [Fact]
    public async Task DQ_19_of_six_the_best_weight_votes_in_place_of_a_voter_that_is_killed()
    {
        await lab.ArrangeAsync("V,V,V,S,S,S", _ => "zone0");
        await lab.SetAsync(new SetNodeRequest { Name = "pg04", Weight = -15 });
        await lab.SetAsync(new SetNodeRequest { Name = "pg05", Weight = -5 });
        await lab.SetAsync(new SetNodeRequest { Name = "pg06", Weight = -10 });
        using (lab.Lose("pg03"))
        {
            await lab.WaitForRolesAsync("V,V,P,S,V,S");
            await lab.WaitForVotersAsync("pg01", "pg02", "pg05");
        }
    }

    [Fact]
    public async Task DQ_21_of_seven_the_spare_streams_in_place_of_a_stand_by_that_is_killed()
    {
        await lab.ArrangeAsync("V,V,V,S,S,S,P", Third);
        using (lab.Lose("pg05"))
        {
            await lab.WaitForRolesAsync("V,V,V,S,P,S,S");
            await lab.WaitForVotersAsync("pg01", "pg02", "pg03");
        }
    }

    [Fact]
    public async Task DQ_22_of_nine_the_spare_of_its_own_failure_domain_streams_in_place_of_a_stand_by_that_is_killed()
    {
        await lab.ArrangeAsync("V,V,V,S,S,S,P,P,P", Third);
        using (lab.Lose("pg05"))
        {
            await lab.WaitForRolesAsync("V,V,V,S,P,S,P,S,P");
            await lab.WaitForVotersAsync("pg01", "pg02", "pg03");
        }
    }
}
