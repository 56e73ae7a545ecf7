using System.Xml.Linq;

namespace PgCluster.Tests.Unit.Architecture;

/// <summary>What is wrong with a project file. Pure, so that planted mistakes can prove that it sees them.</summary>
static class ProjectRules
{
    static readonly string[] SetOnceForAll = ["TargetFramework", "TargetFrameworks", "LangVersion", "Nullable", "TreatWarningsAsErrors", "WarningsNotAsErrors", "NoWarn", "Version", "RunAnalyzers"];

    /// <summary>Judges a room's project file.</summary>
    public static IEnumerable<string> Violations(Room room, XDocument project) =>
    [
        .. References(project).Except(room.Rooms).Select(r => $"{room.Project} must not reference {r}"),
        .. References(project).Where(r => !Room.All.Any(known => known.Project == r)).Select(r => $"{room.Project} references {r}, which is no room"),
        .. Packages(project).SelectMany(p => PackageViolations(room, p)),
        .. project.Descendants("FrameworkReference").Select(Included).Except(room.Frameworks).Select(f => $"{room.Project} must not use the framework {f}"),
        .. Everywhere(room.Project, project),
    ];

    /// <summary>Judges what holds for every project file, those of tests and tools included.</summary>
    public static IEnumerable<string> Everywhere(string name, XDocument project) =>
    [
        .. project.Descendants().Where(e => SetOnceForAll.Contains(e.Name.LocalName)).Select(e => $"{name} sets {e.Name.LocalName}, which Directory.Build.props sets for all"),
        .. Packages(project).Where(p => p.Attribute("Version") is not null || p.Attribute("VersionOverride") is not null)
            .Select(p => $"{name} pins {Included(p)} itself; versions stand in Directory.Packages.props"),
    ];

    static IEnumerable<string> PackageViolations(Room room, XElement package)
    {
        var name = Included(package);
        if (room.Packages.Contains(name))
        {
            yield break;
        }

        if (!room.BuildPackages.Contains(name))
        {
            yield return $"{room.Project} must not use the package {name}";
        }
        else if ((string?)package.Attribute("PrivateAssets") != "all")
        {
            yield return $"{room.Project} must keep {name} to itself (PrivateAssets=\"all\"): it would be copied and loaded at run time";
        }
    }

    static IEnumerable<string> References(XDocument project) =>
        project.Descendants("ProjectReference").Select(r => Path.GetFileNameWithoutExtension(Included(r).Replace('\\', '/')));

    static IEnumerable<XElement> Packages(XDocument project) => project.Descendants("PackageReference");

    static string Included(XElement element) => (string?)element.Attribute("Include") ?? (string?)element.Attribute("Update") ?? "";
}
