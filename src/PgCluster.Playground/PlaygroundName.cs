using System.Text.RegularExpressions;

namespace PgCluster.Playground;

/// <summary>Names become directories, and parts of socket paths and keys.</summary>
internal static partial class PlaygroundName
{
    internal static bool IsValid(string? name) => name is not null && Pattern().IsMatch(name);

    internal static void Validate(string? name)
    {
        if (!IsValid(name))
        {
            throw new PgClusterException(
                Reason.InvalidArgument,
                $"'{name}' cannot be the name of a playground: a letter, then letters, digits, hyphens or underscores, at most 32 in all.")
            {
                Target = "Name",
            };
        }
    }

    [GeneratedRegex(@"\A[A-Za-z][A-Za-z0-9_-]{0,31}\z")]
    private static partial Regex Pattern();
}
