using System.Diagnostics;
using System.Globalization;
using PgCluster;
using PgCluster.Bench;
using PgCluster.Engine.Roles;

// How long the plan of a large cluster takes, beside the least that whoever plans has to do: put the same members in order once.
const double AllowedMs = 20;
var arguments = BenchArguments.Parse(args, ("members", 1000, 10), ("samples", 200, 10));
if (arguments is null)
{
    return 2;
}

// The same for everybody: twenty domains, weights that repeat, one in ten offline.
var spares = Enumerable.Range(0, arguments["members"]).Select(i => new RoleMember
{
    Name = string.Create(CultureInfo.InvariantCulture, $"pg{i:0000}"),
    IsPrimary = i == 0,
    Role = i == 0 ? MemberRole.Voter : MemberRole.Spare,
    FailureDomain = string.Create(CultureInfo.InvariantCulture, $"zone{i * 7 % 20:00}"),
    Weight = i * 13 % 11,
    IsOnline = i % 10 != 9,
}).ToArray();
var small = new RoleRequest();
var large = new RoleRequest { Voters = 51, StandBys = 49 };
var balanced = After(spares, RolePlanner.Balance(spares, small));
var broken = balanced.Select(m => m.Role == MemberRole.Voter && !m.IsPrimary ? m with { IsOnline = false } : m).ToArray();
(string Name, RoleMember[] Members, RoleRequest Request, int Changes)[] cases =
[
    ("balanced already", balanced, small, 0),
    ("both voters lost", broken, small, 6),
    ("all but the primary spare, 3 and 3", spares, small, 5),
    ("all but the primary spare, 51 and 49", spares, large, 99),
];

List<(string Name, Samples Ours, Samples Floor, int Changes)> rows = [];
foreach (var (name, members, request, changes) in cases)
{
    BenchOutput.Progress(name);
    List<double> ours = [];
    List<double> floor = [];
    var samples = arguments["samples"];
    for (var i = -samples / 10; i < samples; i++)
    {
        foreach (var isOurs in i % 2 == 0 ? [false, true] : new[] { true, false })
        {
            var began = Stopwatch.GetTimestamp();
            var done = isOurs ? RolePlanner.Balance(members, request).Changes.Count : Sort(members);
            var took = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
            if (done != (isOurs ? changes : members.Length))
            {
                throw new InvalidOperationException($"{name}: {done} changes, {changes} were to be expected");
            }

            if (i >= 0)
            {
                (isOurs ? ours : floor).Add(took);
            }
        }
    }

    rows.Add((name, new Samples("ours: " + name, "ms", ours), new Samples("floor: one sort", "ms", floor), changes));
}

if (arguments.Json)
{
    BenchOutput.Object(new
    {
        bench = "roles",
        machine = BenchOutput.Machine(),
        members = spares.Length,
        cases = rows.Select(r => new { r.Name, r.Changes, ours = r.Ours.ToJson(), floor = r.Floor.ToJson(), ratio = Samples.Round(r.Ours.Median / r.Floor.Median), allowed_ms = AllowedMs }),
    });
}
else
{
    Console.Out.WriteLine(FormattableString.Invariant($"The plan of {spares.Length} members (median at most {AllowedMs:0} ms); {BenchOutput.MachineText()}\n"));
    foreach (var row in rows)
    {
        BenchOutput.Table(row.Ours, row.Floor);
        Console.Out.WriteLine(FormattableString.Invariant($"{row.Changes} changes; ratio of the medians: {row.Ours.Median / row.Floor.Median:0.0}\n"));
    }
}

return rows.All(r => r.Ours.Median <= AllowedMs) ? 0 : 1;

static RoleMember[] After(RoleMember[] members, RolePlan plan) => [.. members.Zip(plan.Members, (m, v) => m with { Role = v.After })];

static int Sort(RoleMember[] members) => members.OrderBy(m => new NodeMerits(m.Name, m.FailureDomain, m.Weight), NodePreference.Spreading()).ToArray().Length;
