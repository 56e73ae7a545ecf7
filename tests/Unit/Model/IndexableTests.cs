using System.Reflection;
using System.Runtime.CompilerServices;

namespace PgCluster.Tests.Unit.Model;

/// <summary>PowerShell can index every list of everything that a cmdlet writes.</summary>
public sealed class IndexableTests
{
    // What is asked, and never written.
    private static readonly Type[] Requests = [typeof(RestartRequest), typeof(SwitchoverOptions)];

    public static TheoryData<string> Lists => [.. typeof(OperationReport).Assembly.GetExportedTypes().Except(Requests)
        .SelectMany(t => t.GetProperties().Where(p => IsList(p.PropertyType) && p.SetMethod is not null).Select(p => $"{t.FullName}.{p.Name}"))];

    [Fact]
    public void There_are_such_lists() => Assert.Contains("PgCluster.OperationReport.Steps", Lists.Select(l => l.Data));

    [Theory]
    [MemberData(nameof(Lists))]
    public void A_list_of_any_make_becomes_one_that_PowerShell_can_index(string list)
    {
        var dot = list.LastIndexOf('.');
        var type = typeof(OperationReport).Assembly.GetType(list[..dot], throwOnError: true)!;
        var property = type.GetProperty(list[(dot + 1)..])!;
        var item = property.PropertyType.GetGenericArguments()[0];
        var made = GetType().GetMethod(nameof(Made), BindingFlags.NonPublic | BindingFlags.Static)!.MakeGenericMethod(item).Invoke(null, [2])!;
        Assert.False(IsIndexable(made.GetType()), "the compiler makes lists with an indexer of their own by now");

        var instance = RuntimeHelpers.GetUninitializedObject(type);
        property.SetValue(instance, made);

        Assert.True(IsIndexable(property.GetValue(instance)!.GetType()), $"{property.GetValue(instance)!.GetType()}");
    }

    private static bool IsList(Type type) => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>);

    private static bool IsIndexable(Type type) => type.IsArray || type.GetCustomAttribute<DefaultMemberAttribute>() is not null;

    private static IReadOnlyList<T?> Made<T>(int count) => [.. Enumerable.Repeat(default(T), count)];
}
