using System.Xml.Linq;

namespace PgCluster.Tests.Unit.Architecture;

public sealed class ProjectRulesTests
{
    public static TheoryData<string> Rooms => [.. Room.All.Select(r => r.Project)];

    public static TheoryData<string> Projects => [.. AllProjects()];

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_room_uses_only_what_the_table_allows(string project) =>
        Assert.Empty(ProjectRules.Violations(RoomOf(project), XDocument.Load(SourceTree.PathOf($"src/{project}/{project}.csproj"))));

    [Theory]
    [MemberData(nameof(Projects))]
    public void No_project_sets_what_is_set_for_all(string file) =>
        Assert.Empty(ProjectRules.Everywhere(file, XDocument.Load(SourceTree.PathOf(file))));

    [Fact]
    public void Every_folder_of_src_is_a_room() =>
        Assert.Equal(
            Room.All.Select(r => r.Project).Order(StringComparer.Ordinal),
            Directory.EnumerateDirectories(SourceTree.PathOf("src")).Select(d => Path.GetFileName(d)!).Order(StringComparer.Ordinal));

    [Fact]
    public void The_solution_holds_every_project()
    {
        var listed = XDocument.Load(SourceTree.PathOf("PgCluster.slnx")).Descendants("Project").Select(p => (string)p.Attribute("Path")!);

        Assert.Equal(AllProjects(), listed.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Everything_targets_dotnet_10_with_nullable_and_warnings_as_errors()
    {
        var props = XDocument.Load(SourceTree.PathOf("Directory.Build.props"));

        Assert.Equal("net10.0", props.Descendants("TargetFramework").Single().Value);
        Assert.Equal("enable", props.Descendants("Nullable").Single().Value);
        Assert.Equal("true", props.Descendants("TreatWarningsAsErrors").Single().Value);
        Assert.Single(SourceTree.Files("src", "*.props").Concat(SourceTree.Files("tests", "*.props")).Append("Directory.Build.props"));
    }

    [Fact]
    public void Every_pinned_version_is_one_version() =>
        Assert.All(
            XDocument.Load(SourceTree.PathOf("Directory.Packages.props")).Descendants("PackageVersion"),
            p => Assert.Matches(@"^\d+\.\d+\.\d+(-[\w.-]+)?$", (string?)p.Attribute("Version")));

    [Theory]
    [InlineData("PgCluster.Model", """<ProjectReference Include="../PgCluster.Engine/PgCluster.Engine.csproj" />""", "PgCluster.Model must not reference PgCluster.Engine")]
    [InlineData("PgCluster.Engine", """<PackageReference Include="Npgsql" />""", "PgCluster.Engine must not use the package Npgsql")]
    [InlineData("PgCluster.Adapters", """<PackageReference Include="PowerShellStandard.Library" PrivateAssets="all" />""", "PgCluster.Adapters must not use the package PowerShellStandard.Library")]
    [InlineData("PgCluster.Client", """<FrameworkReference Include="Microsoft.AspNetCore.App" />""", "PgCluster.Client must not use the framework Microsoft.AspNetCore.App")]
    [InlineData("PgCluster.Switchover", """<ProjectReference Include="../PgCluster.Client/PgCluster.Client.csproj" />""", "PgCluster.Switchover must not reference PgCluster.Client")]
    [InlineData("PgCluster.Playground", """<ProjectReference Include="..\PgCluster.Agent\PgCluster.Agent.csproj" />""", "PgCluster.Playground must not reference PgCluster.Agent")]
    [InlineData("PgCluster.Cmdlets", """<PackageReference Include="PowerShellStandard.Library" />""", "PgCluster.Cmdlets must keep PowerShellStandard.Library to itself")]
    [InlineData("PgCluster.Cmdlets", """<PackageReference Include="Npgsql" />""", "PgCluster.Cmdlets must not use the package Npgsql")]
    [InlineData("PgCluster.Cmdlets", """<ProjectReference Include="../PgCluster.Engine/PgCluster.Engine.csproj" />""", "PgCluster.Cmdlets must not reference PgCluster.Engine")]
    [InlineData("PgCluster.Agent", """<PackageReference Include="Spectre.Console" Version="0.1.0" />""", "PgCluster.Agent pins Spectre.Console itself")]
    [InlineData("PgCluster.Agent", """<TargetFramework>net9.0</TargetFramework>""", "PgCluster.Agent sets TargetFramework")]
    [InlineData("PgCluster.Agent", """<ProjectReference Include="../Somewhere/Else.csproj" />""", "PgCluster.Agent references Else, which is no room")]
    public void A_planted_mistake_is_seen(string room, string mistake, string expected)
    {
        var project = XDocument.Parse($"<Project><ItemGroup>{mistake}</ItemGroup></Project>");

        Assert.Contains(ProjectRules.Violations(RoomOf(room), project), v => v.StartsWith(expected, StringComparison.Ordinal));
    }

    static Room RoomOf(string project) => Room.All.Single(r => r.Project == project);

    static IEnumerable<string> AllProjects() => SourceTree.Files(".", "*.csproj");
}
