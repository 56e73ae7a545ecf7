namespace PgCluster.Tests.Unit.Architecture;

/// <summary>What is wrong with a compiled room. Pure, so that planted mistakes can prove that it sees them.</summary>
static class AssemblyRules
{
    /// <summary>Where the wall clock and blocked threads come in. The analyzer says so too, until somebody suppresses it.</summary>
    static readonly string[] ForbiddenMembers =
    [
        "System.DateTime.get_Now", "System.DateTime.get_UtcNow", "System.DateTime.get_Today", "System.DateTimeOffset.get_Now", "System.DateTimeOffset.get_UtcNow",
        "System.Threading.Thread.Sleep",
    ];

    public static IEnumerable<string> Violations(Room room, AssemblyUses uses) =>
    [
        .. uses.Assemblies.Where(a => Room.All.Any(r => r.Assembly == a)).Except(room.Rooms).Select(a => $"{room.Project} uses {a}"),
        .. uses.Assemblies.Select(Room.PackageOf).OfType<string>().Distinct()
            .Where(p => !MayUse(room, p)).Select(p => $"{room.Project} uses {p}"),
        .. uses.Types.Where(t => room.ForbiddenTypes.Any(f => f.EndsWith('.') ? t.StartsWith(f, StringComparison.Ordinal) : t == f)).Select(t => $"{room.Project} touches {t}"),
        .. uses.Members.Where(m => ForbiddenMembers.Contains(m) || room.ForbiddenTypes.Contains(m)).Select(m => $"{room.Project} calls {m}"),
    ];

    /// <summary>A package comes along with the room that has it: a message of Adapters is a protobuf type. Not into PowerShell's own load context.</summary>
    static bool MayUse(Room room, string package) =>
        room.Packages.Contains(package) || room.BuildPackages.Contains(package) || room.Frameworks.Contains(package)
        || (!room.SharesPowerShellsContext && room.Rooms.Any(name => Room.All.Single(r => r.Project == name).Packages.Contains(package)));
}
