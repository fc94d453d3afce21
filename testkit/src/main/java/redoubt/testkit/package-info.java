/** Fakes with faults, contract suites, and the inspection after each test. */
package redoubt.testkit;
